"""After the rule of fingerprints has changed, failures are grouped anew, and nothing is counted twice or forgotten."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import call_command

from jobs import failure_groups, fingerprints, regrouping, triage
from jobs.models import Attempt, AuditEntry, FailureCount, FailureFold, FailureGroup, Job
from jobs.outcomes import Report
from jobs.times import now
from tests.concurrency.crowd import in_threads
from tests.factories import HOLDER, STAFF, JobFactory, running

OLD, RULE = 0, fingerprints.RULE


@pytest.fixture
def older_rule(live_db: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The rule of an earlier version: it masks nothing, and takes orders and customers for one."""
    monkeypatch.setattr(fingerprints, "masked", lambda text: text.replace("customer", "order").replace(" today", ""))
    FailureFold.objects.update(rule=RULE)
    monkeypatch.setattr(fingerprints, "RULE", OLD)
    return monkeypatch


def the_rule_changes(older_rule: pytest.MonkeyPatch) -> None:
    older_rule.undo()
    FailureFold.objects.update(rule=OLD, next_rule=OLD)


def fail(message: str, **fields: object) -> Job:
    job = running(JobFactory(type="invoice", **fields))
    job.fail(Report(error=message, retry_after_seconds=0), by=HOLDER)
    return job


def fold_all() -> None:
    while failure_groups.fold():
        pass


def counts() -> dict[str, int]:
    return dict(FailureGroup.objects.filter(failures__gt=0).values_list("title", "failures"))


def assert_exact() -> None:
    """The groups, their hours and the rows tell the same."""
    of_rows = Counter(Attempt.objects.filter(status="failed").values_list("fingerprint", flat=True))
    of_rows += Counter(Job.objects.filter(status="failed").values_list("fingerprint", flat=True))
    of_hours: Counter[str] = Counter()
    for name, number in FailureCount.objects.values_list("fingerprint", "failures"):
        of_hours[name] += number
    assert dict(FailureGroup.objects.values_list("fingerprint", "failures")) == dict(of_rows) == dict(of_hours)


def test_failures_come_into_their_groups_with_their_counts(older_rule: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        fail(f"order {number} not found")
        fail(f"customer {number} not found", max_attempts=2)
    retried = fail("order 6 not found")
    retried.retry(by=STAFF)
    fold_all()
    # Not folded yet, and of the older rule.
    fail("order 7 not found")
    assert Counter(counts().values()) == Counter([2, 2, 2, 2, 2, 1])

    the_rule_changes(older_rule)
    monkeypatch.setattr(regrouping, "BATCH", 3)
    call_command("regroup_failures")

    assert counts() == {"order # not found": 6, "customer # not found": 5}
    fold_all()
    assert counts() == {"order # not found": 7, "customer # not found": 5}
    assert_exact()
    assert set(FailureGroup.objects.values_list("rule", flat=True)) == {RULE}
    retried.refresh_from_db()
    assert retried.fingerprint == FailureGroup.objects.get(title="order # not found").fingerprint


def test_regrouping_again_changes_nothing(older_rule: pytest.MonkeyPatch) -> None:
    fail("order 1 not found")
    fold_all()
    the_rule_changes(older_rule)
    call_command("regroup_failures")
    before = list(FailureGroup.objects.values()), list(FailureCount.objects.values()), list(Job.objects.values())
    call_command("regroup_failures")
    call_command("regroup_failures", again=True)

    assert (list(FailureGroup.objects.values()), list(FailureCount.objects.values()), list(Job.objects.values())) == before


def test_failures_from_before_there_were_fingerprints_are_counted(live_db: str) -> None:
    for number in range(3):
        fail(f"order {number} not found", max_attempts=1 + number % 2)
    Job.objects.update(fingerprint=None)
    Attempt.objects.update(fingerprint=None)
    FailureFold.objects.update(rule=0)
    fold_all()
    assert counts() == {}

    call_command("regroup_failures")
    assert counts() == {"order # not found": 3}
    assert_exact()


def test_several_at_once_equal_one_and_one_that_is_killed_is_taken_up(
    older_rule: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        fail(f"order {number} not found")
    fold_all()
    the_rule_changes(older_rule)
    monkeypatch.setattr(regrouping, "BATCH", 4)

    def die(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(failure_groups, "count", die)
        with pytest.raises(KeyboardInterrupt):
            regrouping.regroup(by=STAFF)
    assert len(counts()) == 30

    def work() -> int:
        changed = 0
        while not (done := regrouping.regroup(by=STAFF)).ended:
            changed += done.changed
        return changed + done.changed

    fold = failure_groups.fold
    assert sum(in_threads([work, work, work, lambda: int(fold())])) == 30
    assert counts() == {"order # not found": 30}
    assert_exact()


def test_what_an_older_server_reckoned_and_a_newer_one_folded_leaves_no_empty_group(older_rule: pytest.MonkeyPatch) -> None:
    for number in range(3):
        fail(f"order {number} not found")
    the_rule_changes(older_rule)
    fold_all()
    assert FailureGroup.objects.filter(rule=RULE).count() == 3
    call_command("regroup_failures")

    assert list(FailureGroup.objects.values_list("title", "failures")) == [("order # not found", 3)]
    assert_exact()


def test_what_people_made_of_a_group_goes_with_its_failures(older_rule: pytest.MonkeyPatch) -> None:
    fail("order 1 not found")
    fail("disk full")
    fold_all()
    order, _ = FailureGroup.objects.get(title__startswith="order"), FailureGroup.objects.get(title="disk full")
    triage.acknowledge(order.fingerprint, by=STAFF, owner="ben", note="the import")
    the_rule_changes(older_rule)
    call_command("regroup_failures")
    group = FailureGroup.objects.get(title="order # not found")
    entry = AuditEntry.objects.get(action="regroup", subject_id=group.fingerprint)

    assert (group.state, group.owner, group.note, group.triaged_by) == ("acknowledged", "ben", "the import", "anna")
    assert entry.detail == {"from": order.fingerprint, "rule": RULE, "state": "acknowledged"}
    assert not FailureGroup.objects.filter(fingerprint=order.fingerprint).exists()
    # What has the same fingerprint by either rule is the same group.
    assert FailureGroup.objects.get(title="disk full").state == "new"
    assert not AuditEntry.objects.filter(action="regroup").exclude(subject_id=group.fingerprint).exists()


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("resolved", "acknowledged"), "acknowledged"),
        (("acknowledged", "resolved"), "acknowledged"),
        (("resolved", "new"), "new"),
        (("new", "snoozed"), "new"),
        (("snoozed", "resolved"), "snoozed"),
    ],
)
def test_of_groups_that_become_one_the_more_open_state_stays(older_rule: pytest.MonkeyPatch, states: tuple[str, ...], state: str) -> None:
    acts: dict[str, Callable[..., object]] = {
        "resolved": triage.resolve,
        "acknowledged": triage.acknowledge,
        "snoozed": partial(triage.snooze, until=now() + timedelta(hours=1)),
        "new": lambda *args, **kwargs: None,
    }
    for number, was in enumerate(states):
        fail(f"order {number} not found")
        fold_all()
        acts[was](FailureGroup.objects.get(title=f"order {number} not found").fingerprint, by=STAFF)
    the_rule_changes(older_rule)
    call_command("regroup_failures")

    assert [(group.title, group.state) for group in FailureGroup.objects.all()] == [("order # not found", state)]
