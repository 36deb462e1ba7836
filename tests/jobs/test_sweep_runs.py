"""What sweeps leave behind about themselves, and the page from which staff look, preview and sweep."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client

from jobs import sweep_runs
from jobs.actors import Actor
from jobs.alerts import Watchman
from jobs.models import AuditEntry, Job, Orchestrator, SweepRun
from jobs.rules import CHANGING, NAMES, Narrowing
from jobs.sweep_runs import ByHand
from jobs.sweeps import sweep
from tests.factories import STAFF, JobFactory
from tests.jobs.outage import running
from tests.ledger import entries

pytestmark = pytest.mark.django_db
SWEEPER = Actor.sweep()
LIST = "/admin/jobs/sweeprun/"
PAGE = f"{LIST}sweep/"


def lost(count: int) -> list[Job]:
    return running(count, expired=count)


def runs(**narrowed: Any) -> list[tuple[str, int, int, int]]:
    return list(SweepRun.objects.filter(**narrowed).order_by("id").values_list("rule", "examined", "found", "changed"))


def test_a_loop_writes_down_what_it_changed_and_once_an_hour_that_there_was_nothing() -> None:
    for _ in range(3):
        sweep(by=SWEEPER)
    assert sorted(runs()) == sorted((rule, 0, 0, 0) for rule in CHANGING)
    lost(3)
    running(2)
    sweep(by=SWEEPER)
    assert runs()[len(CHANGING) :] == [("lease_lost", 5, 3, 3)]

    SweepRun.objects.filter(rule="timeout").update(at=datetime.now(UTC) - timedelta(minutes=61))
    sweep(by=SWEEPER)
    assert runs()[len(CHANGING) + 1 :] == [("timeout", 2, 0, 0)]


def test_two_loops_leave_no_more_than_one() -> None:
    for _ in range(2):
        for _ in range(2):
            sweep(by=SWEEPER, again_within=30)

    assert SweepRun.objects.count() == len(CHANGING)


def test_one_by_hand_is_always_written_down_by_whom_and_why() -> None:
    lost(2)
    for dry_run in (True, False):
        sweep(by=SWEEPER, narrowing=Narrowing(rules=["lease_lost"]), dry_run=dry_run, by_hand=ByHand(STAFF, "they are dead"))

    assert runs() == [("lease_lost", 2, 2, 0), ("lease_lost", 2, 2, 2)]
    assert set(SweepRun.objects.values_list("actor", "reason")) == {("anna", "they are dead")}
    assert list(SweepRun.objects.order_by("id").values_list("dry_run", flat=True)) == [True, False]


def test_what_somebody_swept_stands_in_the_audit_log_beside_the_jobs() -> None:
    job, _ = lost(2)
    by_hand = ByHand(Actor.user("anna", request_id="request-of-anna"), "they are dead")
    sweep(by=Actor.sweep(request_id="request-of-anna"), narrowing=Narrowing(rules=["lease_lost", "timeout"]), by_hand=by_hand)

    (entry,) = AuditEntry.objects.filter(action="sweep")
    assert (entry.subject_type, entry.subject_id, entry.actor, entry.reason) == ("sweep", "lease_lost,timeout", "anna", "they are dead")
    assert entry.detail == {"changed": {"lease_lost": 2}}
    assert entries(job)[-1].request_id == entry.request_id == "request-of-anna"


def test_a_timer_that_finds_nothing_leaves_no_entry() -> None:
    call_command("sweep_stuck_jobs", dry_run=True)
    call_command("sweep_stuck_jobs")

    assert not AuditEntry.objects.exists()
    assert SweepRun.objects.count() == 2 * len(NAMES)


def test_the_brake_stands_beside_what_it_kept() -> None:
    running(20, expired=20)
    sweep(by=SWEEPER, by_hand=ByHand(STAFF))

    run = SweepRun.objects.get(rule="lease_lost")
    assert (run.examined, run.changed, run.brake) == (20, 0, "20 of 20 running leases ran out at once")


def test_runs_are_forgotten_after_a_month() -> None:
    sweep(by=SWEEPER)
    SweepRun.objects.filter(rule="timeout").update(at=datetime.now(UTC) - timedelta(days=31))
    sweep_runs.forget_old_runs()

    assert {rule for rule, *_ in runs()} == {*CHANGING} - {"timeout"}


def test_the_loop_says_in_the_log_when_somebody_falls_silent_and_when_that_is_over(caplog: pytest.LogCaptureFixture) -> None:
    past = datetime.now(UTC) - timedelta(seconds=301)
    job = JobFactory(status="running")
    Job.objects.filter(id=job.id).update(claimed_at=past, started_at=past)
    watchman = Watchman()
    Orchestrator.objects.update(last_seen_at=past)
    for _ in range(2):
        watchman.look()
    assert [message.split(" was")[0] for message in caplog.messages] == ["orchestrator_offline: orch-1"]
    Orchestrator.objects.update(last_seen_at=datetime.now(UTC))
    for _ in range(2):
        watchman.look()

    assert caplog.messages[1:] == ["orchestrator_offline is over: orch-1."]


@pytest.fixture
def operator(db: None) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="change_sweeprun"))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


def test_the_list_tells_rules_numbers_and_who(operator: Client) -> None:
    lost(2)
    sweep(by=SWEEPER, by_hand=ByHand(STAFF, "they are dead"), dry_run=True)
    page = operator.get(LIST).content.decode()

    assert "Sweep now…" in page
    assert "they are dead" in page
    assert "dry run" in page
    run = SweepRun.objects.get(rule="lease_lost")
    assert "dry run: nothing was changed" in operator.get(f"{LIST}{run.pk}/change/").content.decode()
    assert len(operator.get(LIST, {"rule": "timeout"}).context["cl"].result_list) == 1


def test_a_preview_names_what_would_be_done_and_does_nothing(operator: Client) -> None:
    jobs = lost(2)
    page = operator.post(PAGE, {"rule": "", "reason": "", "preview": "1"}).content.decode()

    assert "This would be done now" in page
    assert all(job.id in page for job in jobs)
    assert "No sign of life from orch-1" in page
    assert Job.objects.filter(status="running").count() == 2
    assert SweepRun.objects.filter(dry_run=True, actor="olga").count() == len(NAMES)


def test_run_now_does_it_for_a_reason(operator: Client) -> None:
    (job,) = lost(1)
    assert "Say why" in operator.post(PAGE, {"rule": "lease_lost", "reason": " "}).content.decode()
    assert Job.objects.get(id=job.id).status == "running"
    page = operator.post(PAGE, {"rule": "lease_lost", "reason": "they are dead"}, follow=True).content.decode()

    assert "Swept 1: 1 by lease_lost." in page
    assert Job.objects.get(id=job.id).status == "failed"
    entry = AuditEntry.objects.get(action="sweep")
    assert (entry.actor, entry.reason, entry.subject_id, entry.request_id) == ("olga", "they are dead", "lease_lost", "request-of-olga")
    assert entries(job)[-1].request_id == "request-of-olga"


def test_run_now_does_not_end_what_the_brake_keeps_and_says_so(operator: Client) -> None:
    running(20, expired=20)
    page = operator.post(PAGE, {"rule": "", "reason": "quick"}, follow=True).content.decode()

    assert "Nothing was swept. The brake holds: 20 of 20 running leases ran out at once; 20 running leases that ran out are kept." in page
    assert Job.objects.filter(status="running").count() == 20


def test_a_rule_that_is_none_is_refused(operator: Client) -> None:
    assert "Select a valid choice" in operator.post(PAGE, {"rule": "age", "reason": "x"}).content.decode()


@pytest.mark.parametrize("codename", ["view_sweeprun", "change_job"])
def test_who_may_only_look_can_not_sweep(codename: str) -> None:
    user = User.objects.create_user("otto", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=codename))
    client = Client()
    client.force_login(user)

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"rule": "", "reason": "x"}).status_code == 403
    if codename == "view_sweeprun":
        assert "Sweep now…" not in client.get(LIST).content.decode()
