-- An entry about something that is no job: a token, a type, an orchestrator.
insert into audit_log (subject_type, subject_id, action, actor_kind, actor, reason, request_id, at, detail, xid)
values (%(subject_type)s::text, %(subject_id)s::text, %(action)s::text, %(actor_kind)s::text, %(actor)s::text, %(reason)s::text,
  %(request_id)s::text, clock_timestamp(), %(detail)s::jsonb, pg_current_xact_id())
