"""Breakages of one line each, and the test that must notice. A guard whose loss no test notices is no guard."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """
    Attributes:
        name: what the broken program does.
        path: file of the checkout.
        line: text that stands in it exactly once, within one line.
        becomes: what stands there instead.
        test: node id, from `tests/` on, of a test that turns red.
    """

    name: str
    path: str
    line: str
    becomes: str
    test: str


MUTANTS = [
    Mutant(
        name="lets an older epoch of the same orchestrator report",
        path="jobs/sql/judged.sql",
        line="or a.epoch is not null and a.epoch <> l.epoch",
        becomes="or a.epoch is not null and a.epoch > l.epoch",
        test="jobs/test_fencing.py::test_an_earlier_claim_by_the_same_orchestrator_is_refused",
    ),
    Mutant(
        name="lets any orchestrator report on any job",
        path="jobs/sql/judged.sql",
        line="l.status not in ('claimed', 'running') or l.orchestrator_id is distinct from %(actor)s::text",
        becomes="l.status not in ('claimed', 'running')",
        test="jobs/test_fencing.py::test_only_the_holder_may_report",
    ),
    Mutant(
        name="reads the clock before it waits for the lock",
        path="jobs/sql/items.sql",
        line="clock as materialized (select clock_timestamp() as at from (select count(*) from locked) l)",
        becomes="clock as materialized (select now() as at)",
        test="concurrency/test_lost_races.py::test_a_lease_that_runs_out_while_its_report_waits_for_the_row_has_run_out",
    ),
    Mutant(
        name="knows a report sent again only while nothing else has happened",
        path="jobs/sql/judged.sql",
        line="when h.same then 'replayed'",
        becomes="when false then 'replayed'",
        test="contract/test_reports.py::test_a_report_of_a_run_before_the_last_is_still_known_again",
    ),
    Mutant(
        name="keeps a late verdict again at each try",
        path="jobs/sql/judged.sql",
        line="and not coalesce(w.epoch, w.held_last, w.held_epoch) = any(w.late_epochs), false) as late",
        becomes=", false) as late",
        test="jobs/test_fencing.py::test_a_late_verdict_is_kept_once_and_changes_nothing_of_the_job",
    ),
    Mutant(
        name="retries a failure though a cancel is pending",
        path="jobs/sql/judged.sql",
        line="coalesce(f.retryable, true) and not f.cancelling",
        becomes="coalesce(f.retryable, true)",
        test="jobs/test_verbs.py::test_while_a_cancel_is_pending_nothing_returns_to_the_queue",
    ),
    Mutant(
        name="writes one entry for start and complete",
        path="jobs/sql/door.sql",
        line="where r.moves and r.via = 'running'",
        becomes="where false",
        test="jobs/test_verbs.py::test_complete_of_a_claimed_job_records_start_and_complete",
    ),
    Mutant(
        name="forgets to count a failed attempt",
        path="jobs/sql/door.sql",
        line="attempts = r.failed_before + (r.act = 'fail')::int,",
        becomes="attempts = r.failed_before,",
        test="jobs/test_verbs.py::test_a_failure_counts_an_attempt_and_keeps_the_whole_error",
    ),
    Mutant(
        name="ignores that the job has changed since the caller saw it",
        path="jobs/sql/judged.sql",
        line="when f.expected_updated_at is not null and f.expected_updated_at <> f.updated_at then 'conflict'",
        becomes="when false then 'conflict'",
        test="jobs/test_verbs.py::test_a_change_in_between_is_noticed_by_who_expects_none",
    ),
    Mutant(
        name="lets heartbeats lift a lease past the timeout",
        path="jobs/sql/heartbeat.sql",
        line="lease_expires_at = least(c.at + make_interval(secs => %(heartbeat_lease)s::int),",
        becomes="lease_expires_at = greatest(c.at + make_interval(secs => %(heartbeat_lease)s::int),",
        test="orchestration_api/test_leases.py::test_no_heartbeat_lifts_a_lease_past_the_timeout_and_its_grace",
    ),
    Mutant(
        name="moves updated_at with a heartbeat",
        path="jobs/sql/heartbeat.sql",
        line="update jobs j set kept_by_heartbeats = true,",
        becomes="update jobs j set kept_by_heartbeats = true, updated_at = c.at,",
        test="contract/test_producing.py::test_a_heartbeat_leaves_no_entry_and_no_change_but_the_lease",
    ),
    Mutant(
        name="coerces numbers that were sent as texts",
        path="orchestration_api/fields.py",
        line="if not isinstance(data, int) or isinstance(data, bool):",
        becomes="if not str(data).isdigit():",
        test="contract/test_ground_rules.py::test_a_field_of_the_wrong_type_is_named_and_not_coerced",
    ),
    Mutant(
        name="takes the last of two equal keys",
        path="orchestration_api/parsers.py",
        line="if len(found) != len(pairs):",
        becomes="if False:",
        test="orchestration_api/test_refusals.py::test_a_body_that_is_not_what_it_should_be_is_refused",
    ),
    Mutant(
        name="takes a success for one whatever the exit code",
        path="jobs/outcomes.py",
        line="and not timed_out and (not report.exit_code or partial):",
        becomes="and not timed_out:",
        test="orchestration_api/test_reports.py::test_the_worst_of_status_error_and_exit_code_wins",
    ),
    Mutant(
        name="sweeps jobs that another statement holds, overwriting what it did",
        path="jobs/sql/stuck.sql",
        line="for no key update skip locked),",
        becomes="),",
        test="concurrency/test_sweepers.py::test_a_completion_that_comes_before_the_sweep_stands",
    ),
    Mutant(
        name="believes a claim again whose lease has run out, brake or no brake",
        path="jobs/sql/judged.sql",
        line="case when f.lease_expires_at <= f.at and not brake_holds(f.at) then 'lease_expired' end",
        becomes="case when false then 'lease_expired' end",
        test="jobs/test_fencing.py::test_an_expired_lease_is_refused_before_any_sweep_has_seen_it",
    ),
    Mutant(
        name="refuses the fleet's reports after an outage of ours",
        path="jobs/sql/judged.sql",
        line="case when f.lease_expires_at <= f.at and not brake_holds(f.at) then 'lease_expired' end",
        becomes="case when f.lease_expires_at <= f.at then 'lease_expired' end",
        test="jobs/test_brake_fencing.py::test_the_current_claim_is_believed_while_the_brake_holds_and_not_after",
    ),
    Mutant(
        name="ends half of the fleet's runs at once",
        path="jobs/sql/brake.sql",
        line="m.fresh > %(most)s::int and m.fresh * 3 > m.running as too_many",
        becomes="m.fresh > %(most)s::int and m.fresh * 2 > m.running as too_many",
        test="jobs/test_brake.py::test_more_than_ten_and_more_than_a_third_of_the_running_leases_are_too_many",
    ),
    Mutant(
        name="tells a bound token of jobs that it never held",
        path="jobs/sql/judged.sql",
        line="when %(bound)s::boolean and f.gone and not exists (select from audit_log e",
        becomes="when false and not exists (select from audit_log e",
        test="orchestration_api/test_bound_tokens.py::test_a_job_it_never_held_is_none_with_a_token_or_without",
    ),
    Mutant(
        name="asks no bound token for the lease token",
        path="jobs/sql/judged.sql",
        line="when %(fenced)s::boolean and f.epoch is null then 'token_required'",
        becomes="when false then 'token_required'",
        test="orchestration_api/test_bound_tokens.py::test_a_report_without_the_lease_token_is_refused",
    ),
    Mutant(
        name="takes two reports on one job in one batch",
        path="jobs/sql/judged.sql",
        line="when f.nth > 1 then 'conflict'",
        becomes="when false then 'conflict'",
        test="orchestration_api/test_batches.py::test_a_second_item_for_a_job_is_a_conflict_and_the_first_stands",
    ),
    Mutant(
        name="believes a token until the process ends",
        path="orchestration_api/authentication.py",
        line="REMEMBERED_SECONDS = 0.5",
        becomes="REMEMBERED_SECONDS = 3600",
        test="orchestration_api/test_two_workers.py::test_a_revoked_token_is_refused_by_every_worker_within_a_second",
    ),
    Mutant(
        name="lets a revoked token in",
        path="orchestration_api/authentication.py",
        line="if found.revoked:",
        becomes="if False:",
        test="orchestration_api/test_access.py::test_a_dead_token_opens_nothing",
    ),
    Mutant(
        name="believes the client's own word of its address",
        path="orchestration_api/wrong_tokens.py",
        line="told = _read(hops.pop().strip())",
        becomes="told = _read(hops.pop(0).strip())",
        test="orchestration_api/test_tokens.py::test_whose_count_a_wrong_token_is",
    ),
    Mutant(
        name="shows secrets of a payload to readers",
        path="orchestration_api/views/base.py",
        line="if not owns(self.caller, source or job):",
        becomes="if False:",
        test="orchestration_api/test_scopes.py::test_readers_see_no_secrets_of_a_payload_and_owners_all_of_them",
    ),
    Mutant(
        name="does the same call twice at once",
        path="jobs/idempotency.py",
        line='statements.run("one_call_a_key", owner=owner, key=key)',
        becomes="pass",
        test="concurrency/test_idempotency.py::test_of_32_identical_calls_at_once_one_makes_the_job_and_all_get_its_answer",
    ),
    Mutant(
        name="tells events before older transactions have ended",
        path="jobs/sql/events.sql",
        line="e.xid < pg_snapshot_xmin(pg_current_snapshot()) as settled",
        becomes="true as settled",
        test="concurrency/test_events.py::test_a_reader_waits_for_an_older_transaction_and_then_misses_nothing",
    ),
    Mutant(
        name="labels an entry with its own transaction only",
        path="jobs/sql/judged.sql",
        line="greatest(l.event_xid, pg_current_xact_id()) as event_xid, l.cancel_requested_at",
        becomes="pg_current_xact_id() as event_xid, l.cancel_requested_at",
        test="concurrency/test_events.py::test_a_batch_that_waited_for_a_younger_transaction_comes_after_it",
    ),
    Mutant(
        name="tells the jobs of a claim in another order than theirs",
        path="jobs/migrations/0019_labels.py",
        line="any(got) order by -w.priority, w.scheduled_for, w.id",
        becomes="any(got) order by w.id",
        test="jobs/test_claiming.py::test_the_best_jobs_come_first",
    ),
    Mutant(
        name="comes back half empty when neighbours hold the best jobs of several types",
        path="jobs/migrations/0011_routing.py",
        line="exit when tried is null or tried < want;",
        becomes="exit;",
        test="concurrency/test_claims_race.py::test_a_claim_passes_over_jobs_that_somebody_holds_and_waits_for_nobody",
    ),
    Mutant(
        name="takes jobs to be as long in an answer as they are in the database",
        path="jobs/migrations/0011_routing.py",
        line="2000 + 6 * (2",
        becomes="2000 + 1 * (2",
        test="jobs/test_claiming.py::test_what_takes_up_more_in_an_answer_than_in_the_database_is_counted_as_it_is_told",
    ),
    Mutant(
        name="hands out what requires labels to who declares none",
        path="jobs/migrations/0019_labels.py",
        line=" and required <@ declared",
        becomes="",
        test="jobs/test_routing.py::test_one_that_never_declares_labels_gets_only_jobs_that_require_none",
    ),
    Mutant(
        name="takes back what has been started in between",
        path="jobs/fleet.py",
        line=", expected_updated_at=moment",
        becomes="",
        test="concurrency/test_routing.py::test_what_is_taken_back_while_it_is_started_is_either_started_or_anothers",
    ),
    Mutant(
        name="takes an id that moves to another host for one that two use",
        path="jobs/sql/heartbeat.sql",
        line="excluded.place <> o.place and (o.earlier_places ->> excluded.place)::timestamptz",
        becomes="excluded.place <> o.place and coalesce((o.earlier_places ->> excluded.place)::timestamptz, o.last_heartbeat_at)",
        test="jobs/test_fleet.py::test_an_id_that_moves_to_another_host_is_used_by_one",
    ),
    Mutant(
        name="gives existing orchestrators values of the wrong type",
        path="orchestration_api/execution.py",
        line="return told if all(check(told[key]) for key, check in _TYPES.items() if key in told) else None",
        becomes="return told",
        test="orchestration_api/test_execution.py::test_one_value_of_another_type_leaves_it_out_and_the_payload_as_it_was",
    ),
    Mutant(
        name="takes integers that no column holds",
        path="orchestration_api/parsers.py",
        line="_LARGEST = 2**63",
        becomes="_LARGEST = 2**64",
        test="orchestration_api/test_refusals.py::test_a_body_that_is_not_what_it_should_be_is_refused",
    ),
    Mutant(
        name="counts failures before which others may still be written",
        path="jobs/sql/failures_after.sql",
        line="and e.xid < pg_snapshot_xmin(pg_current_snapshot())",
        becomes="",
        test="jobs/test_failure_groups.py::test_what_may_still_be_written_before_it_is_left_for_later",
    ),
    Mutant(
        name="folds failures while another does",
        path="jobs/failure_groups.py",
        line="place = FailureFold.objects.select_for_update(skip_locked=True).first()",
        becomes="place = FailureFold.objects.first()",
        test="concurrency/test_failures_alike.py::test_who_finds_another_folding_goes_on_at_once",
    ),
    Mutant(
        name="keeps the fingerprint of a failure after a success",
        path="jobs/sql/door.sql",
        line="fingerprint = case when r.ends then failure_fingerprint(j.type, r.fault) else j.fingerprint end,",
        becomes="fingerprint = coalesce(failure_fingerprint(j.type, r.fault), j.fingerprint),",
        test="jobs/test_failure_groups.py::test_a_failure_that_is_tried_again_is_counted_with_its_attempt_and_a_success_clears_it",
    ),
    Mutant(
        name="reopens a resolved group for what had failed before",
        path="jobs/failure_groups.py",
        line="since = sum(at > group.triaged_at for at in moments) if group.triaged_at else 0",
        becomes="since = len(moments) if group.triaged_at else 0",
        test="jobs/test_triage.py::test_a_failure_before_the_resolution_that_is_counted_after_it_does_not",
    ),
    Mutant(
        name="moves counts of failures that are not counted yet",
        path="jobs/sql/folded_failures.sql",
        line="and (e.xid, e.id) <= (%(xid)s::text::xid8, %(entry_id)s::bigint)",
        becomes="and (%(xid)s::text::xid8, %(entry_id)s::bigint) is not null",
        test="jobs/test_regrouping.py::test_failures_come_into_their_groups_with_their_counts",
    ),
]
