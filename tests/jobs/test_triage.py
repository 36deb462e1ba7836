"""What people make of a failure group: each act once in the log, and nothing else changed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from jobs import failure_groups, triage
from jobs.models import AuditEntry, FailureGroup, TriageState
from jobs.outcomes import Report
from jobs.times import now
from jobs.triage import NoSuchGroup, Triaged, TriageRefused
from tests.factories import HOLDER, STAFF, JobFactory, running

Act = Callable[..., Triaged]
ACTS: dict[str, Act] = {
    "acknowledge": triage.acknowledge,
    "snooze": lambda *args, **kwargs: triage.snooze(*args, failures=3, **kwargs),
    "resolve": triage.resolve,
    "reopen": triage.reopen,
}
# What each act makes of a group in each state; - : refused, = : it is so already.
TABLE = """
              acknowledge   snooze   resolve   reopen
new           acknowledged  snoozed  resolved  =
acknowledged  =             snoozed  resolved  new
snoozed       acknowledged  =        resolved  new
resolved      -             -        =         new
regressed     acknowledged  snoozed  resolved  =
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], act, outcome) for row in ROWS for act, outcome in zip(HEAD, row[1:], strict=True)]


@pytest.fixture(scope="module", autouse=True)
def _in_a_database_of_its_own(module_db: str) -> None:
    """What is not committed is not folded."""


def fail(job_type: str, message: str = "it broke") -> None:
    """A job fails so, and is folded."""
    running(JobFactory(type=job_type)).fail(Report(error=message), by=HOLDER)
    while failure_groups.fold():
        pass


@pytest.fixture
def group() -> FailureGroup:
    """One that no other test knows."""
    job_type = JobFactory().type
    fail(job_type)
    return FailureGroup.objects.get(type=job_type)


def bring(group: FailureGroup, state: str) -> None:
    """The group comes to a state as in life."""
    if state == "acknowledged":
        triage.acknowledge(group.fingerprint, by=STAFF)
    elif state == "snoozed":
        triage.snooze(group.fingerprint, by=STAFF, failures=3)
    elif state in ("resolved", "regressed"):
        triage.resolve(group.fingerprint, by=STAFF)
    if state == "regressed":
        fail(group.type)
    group.refresh_from_db()
    assert group.state == state


def test_the_table_names_every_state() -> None:
    assert {row[0] for row in ROWS} == set(TriageState.values)


@pytest.mark.parametrize(("state", "act", "outcome"), CELLS)
def test_an_act_changes_the_state_once_with_its_entry_or_nothing(group: FailureGroup, state: str, act: str, outcome: str) -> None:
    bring(group, state)
    before = _others(group), AuditEntry.objects.count()
    if outcome == "-":
        with pytest.raises(TriageRefused, match=f"is {state}: to {act} it, reopen it first"):
            ACTS[act](group.fingerprint, by=STAFF, reason="so")
    else:
        done = ACTS[act](group.fingerprint, by=STAFF, reason="so")
        assert (done.changed, done.group.state) == (outcome != "=", state if outcome == "=" else outcome)
    changed = outcome not in "-="

    assert (_others(group), AuditEntry.objects.count()) == (before[0], before[1] + changed)
    if changed:
        entry = AuditEntry.objects.latest("id")
        assert (entry.subject_type, entry.subject_id, entry.action) == ("failure_group", group.fingerprint, act)
        assert (entry.actor, entry.reason, entry.detail and entry.detail["from"]) == ("anna", "so", state)


def test_acknowledging_names_an_owner_and_keeps_the_note(group: FailureGroup) -> None:
    assert triage.acknowledge(group.fingerprint, by=STAFF, note="the disk").group.owner == "anna"
    passed_on = triage.acknowledge(group.fingerprint, by=STAFF, owner="ben")
    assert (passed_on.changed, passed_on.group.owner, passed_on.group.note) == (True, "ben", "the disk")
    assert not triage.acknowledge(group.fingerprint, by=STAFF, owner="ben", note="the disk").changed
    assert triage.resolve(group.fingerprint, by=STAFF).group.note == "the disk"
    assert triage.resolve(group.fingerprint, by=STAFF, note="a larger disk").group.note == "a larger disk"
    assert triage.reopen(group.fingerprint, by=STAFF).group.owner is None


def test_a_failure_after_the_resolution_reopens_the_group_as_regressed(group: FailureGroup) -> None:
    triage.acknowledge(group.fingerprint, by=STAFF)
    triage.resolve(group.fingerprint, by=STAFF)
    fail(group.type, "something else")
    group.refresh_from_db()
    assert group.state == "resolved"

    fail(group.type)
    group.refresh_from_db()
    entry = AuditEntry.objects.latest("id")
    assert (group.state, group.owner, group.failures) == ("regressed", "anna", 2)
    assert (entry.action, entry.subject_id, entry.actor_kind, entry.reason) == ("regress", group.fingerprint, "system", "it failed again")


def test_a_failure_before_the_resolution_that_is_counted_after_it_does_not(group: FailureGroup) -> None:
    running(JobFactory(type=group.type)).fail(Report(error="it broke"), by=HOLDER)
    triage.resolve(group.fingerprint, by=STAFF)
    failure_groups.fold()
    group.refresh_from_db()

    assert (group.state, group.failures) == ("resolved", 2)


@pytest.mark.parametrize("before", ["new", "acknowledged", "regressed"])
def test_a_snooze_ends_when_as_many_more_have_failed_and_the_group_is_what_it_was(group: FailureGroup, before: str) -> None:
    bring(group, before)
    triage.snooze(group.fingerprint, by=STAFF, failures=2)
    fail(group.type)
    group.refresh_from_db()
    assert (group.state, group.snoozed_failures) == ("snoozed", 1)

    fail(group.type)
    group.refresh_from_db()
    assert (group.state, group.snoozed_failures, group.snoozed_from) == (before, None, None)
    assert AuditEntry.objects.latest("id").action == "wake"


def test_a_snooze_ends_with_its_time_also_when_nothing_fails(group: FailureGroup) -> None:
    triage.snooze(group.fingerprint, by=STAFF, until=now() + timedelta(hours=1))
    fail(group.type)
    group.refresh_from_db()
    assert group.state == "snoozed"

    FailureGroup.objects.filter(pk=group.pk).update(snoozed_until=now() - timedelta(seconds=1))
    failure_groups.fold()
    group.refresh_from_db()
    assert (group.state, group.snoozed_until) == ("new", None)


def test_a_snooze_that_is_said_anew_takes_the_new_terms_and_returns_where_the_first_came_from(group: FailureGroup) -> None:
    bring(group, "acknowledged")
    triage.snooze(group.fingerprint, by=STAFF, failures=5)
    again = triage.snooze(group.fingerprint, by=STAFF, until=now() + timedelta(hours=1))

    assert (again.changed, again.group.snoozed_failures, again.group.snoozed_from) == (True, None, "acknowledged")


@pytest.mark.parametrize("terms", [{}, {"failures": 0}, {"until": now() - timedelta(seconds=1)}])
def test_a_snooze_without_an_end_is_refused(group: FailureGroup, terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="until"):
        triage.snooze(group.fingerprint, by=STAFF, **terms)


@pytest.mark.parametrize("act", ACTS)
def test_there_is_nothing_to_be_made_of_a_group_that_is_not_there(act: str) -> None:
    with pytest.raises(NoSuchGroup):
        ACTS[act]("0" * 16, by=STAFF)


def _others(group: FailureGroup) -> list[Any]:
    """All that triage must leave alone."""
    with connection.cursor() as cursor:
        cursor.execute("select j::text from jobs j union all select c::text from failure_counts c order by 1")
        rows: list[Any] = cursor.fetchall()
    group.refresh_from_db()
    return [*rows, group.failures, group.first_seen_at, group.last_seen_at, group.title]
