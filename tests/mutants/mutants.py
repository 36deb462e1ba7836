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
        path="jobs/sql/door.sql",
        line="or a.epoch is not null and a.epoch <> l.epoch",
        becomes="or a.epoch is not null and a.epoch > l.epoch",
        test="jobs/test_fencing.py::test_an_earlier_claim_by_the_same_orchestrator_is_refused",
    ),
    Mutant(
        name="lets any orchestrator report on any job",
        path="jobs/sql/door.sql",
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
        path="jobs/sql/door.sql",
        line="when f.gone and h.same then 'replayed'",
        becomes="when false then 'replayed'",
        test="contract/test_reports.py::test_a_report_of_a_run_before_the_last_is_still_known_again",
    ),
    Mutant(
        name="keeps a late verdict again at each try",
        path="jobs/sql/door.sql",
        line="and not coalesce(f.epoch, f.held_last, f.held_epoch) = any(l.late_epochs), false) as late",
        becomes=", false) as late",
        test="jobs/test_fencing.py::test_a_late_verdict_is_kept_once_and_changes_nothing_of_the_job",
    ),
    Mutant(
        name="retries a failure though a cancel is pending",
        path="jobs/sql/door.sql",
        line="coalesce(f.retryable, true) and not f.cancelling",
        becomes="coalesce(f.retryable, true)",
        test="jobs/test_verbs.py::test_while_a_cancel_is_pending_nothing_returns_to_the_queue",
    ),
    Mutant(
        name="writes one entry for start and complete",
        path="jobs/sql/door.sql",
        line="where r.verdict = 'applied' and r.via = 'running'",
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
        path="jobs/sql/door.sql",
        line="when f.expected_updated_at is not null and f.expected_updated_at <> l.updated_at then 'conflict'",
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
]
