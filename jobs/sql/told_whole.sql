-- What is told of a job that is alone: all but payload and result. (rulings.sql follows.)
select s.id, s.type, s.status, s.lane_id, s.due, s.priority, s.metadata, s.last_error, s.error_category, s.exit_code, s.attempts,
  s.max_attempts, s.epoch, s.phase, s.progress, s.partial, s.created_by, s.orchestrator_id, s.claim_id, s.timeout_seconds, s.scheduled_for,
  s.created_at, s.updated_at, s.claimed_at, s.acknowledged_at, s.started_at, s.completed_at, s.lease_expires_at, s.kept_by_heartbeats,
  s.claim_losses, s.progress_at, s.cancel_requested_at, s.retried_from, s.unique_key, s.audit_seq,
  s.labels, s.retry_policy, s.holds_slot, s.fingerprint, s.lease_losses, s.quarantined_at, s.releases, s.cancel_seen_at,
