"""Figures by type: what the roll-up says is what the entries say, to the microsecond and to the job."""

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs import folding, retention, rollup, timing, transitions
from jobs.actors import Actor
from jobs.lifecycle import Verb
from jobs.models import AuditEntry, Job, Span, TimeSpent, TransitionCount
from jobs.outcomes import Report
from jobs.retention import Periods
from jobs.rollup import Names, Period
from jobs.sweeps import sweep
from jobs.times import written
from jobs.transitions import Step
from tests.factories import HOLDER, STAFF, JobFactory, running
from tests.lives import lived
from tests.past import ended
from tests.rolled_up import fold_all

pytestmark = pytest.mark.usefixtures("live_db")
TODAY = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
# Jobs that ran for so many microseconds each, the first of them from `began` on and one a second; only their entries are there.
STORIES = """
insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt, at, detail, xid)
select 'job_' || %(type)s || n, e.sequence, e.action, e.source, e.target, 'orchestrator', 'orch-1', 1, 1,
  %(began)s + n * interval '1 second' + e.sequence * interval '1 microsecond' * l.microseconds,
  case e.action when 'complete' then jsonb_build_object('type', %(type)s) end, pg_current_xact_id()
from unnest(%(lengths)s::bigint[]) with ordinality as l (microseconds, n)
cross join (values (0, 'start', null, 'running'), (1, 'complete', 'running', 'completed')) as e (sequence, action, source, target)
"""


def test_it_says_what_the_entries_of_the_jobs_say() -> None:
    chance = random.Random(7)  # noqa: S311  not a secret
    jobs = [lived(chance, job_type=f"type-{number}") for number in range(60)]
    fold_all()

    spent: Counter[tuple[str, str]] = Counter()
    for job in jobs:
        account = timing.of(job.id, now=timezone.now())
        # What a job is in at present is counted when it leaves it.
        for stretch in account.stretches if account.has_ended else account.stretches[:-1]:
            spent[job.type, stretch.state] += stretch.microseconds
    told = {(each.type, each.state): each.microseconds for each in rollup.spreads()}
    # Of a job that waits at present, the timing knows already what it waited for.
    waiting = {(job.type, state) for job in jobs if job.status == "queued" for state in ("scheduled", "retry_wait", "queued")}
    assert {key: told[key] for key in told.keys() - waiting} == {key: spent[key] for key in spent.keys() - waiting}
    assert {state for _, state in told} == {"scheduled", "retry_wait", "queued", "claimed", "running", "failed", "cancelled"}
    assert _counted() == _counted_in_the_log()


def test_failures_are_counted_by_category() -> None:
    for category in ("network", "network", "timeout"):
        running(JobFactory(type="report")).fail(Report(error="x", category=category, retryable=False), by=HOLDER)
    lost = JobFactory(type="report", status="running")
    Job.objects.filter(id=lost.id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    sweep(by=Actor.sweep(), force=True)
    fold_all()

    failed = {moved.category: moved.jobs for moved in rollup.moves(among=Names("report", "report")) if moved.to_status == "failed"}
    assert failed == {"network": 2, "timeout": 1, "lease_lost": 1}
    assert {moved.category for moved in rollup.moves(among=Names("report", "report")) if moved.to_status != "failed"} == {None}


def test_entries_that_change_no_status_neither_count_nor_cut() -> None:
    job = JobFactory(type="report", status="claimed")
    job.acknowledge(by=HOLDER)
    job.start(by=HOLDER)
    job.cancel(by=STAFF)
    job.cancel(by=HOLDER)
    fold_all()

    assert [(each.state, each.stretches) for each in rollup.spreads()] == [("claimed", 1), ("queued", 1), ("running", 1)]
    began, ended = (AuditEntry.objects.get(job_id=job.id, action=action).at for action in ("start", "cancel"))
    assert rollup.spreads()[-1].microseconds == (ended - began) // timedelta(microseconds=1)


def test_a_retry_that_was_spread_is_waited_for_until_its_time_and_not_queued() -> None:
    job = JobFactory(type="report", status="failed")
    when = timezone.now() + timedelta(hours=9)
    transitions.apply([Step(job_id=job.id, action=Verb.RETRY, scheduled_for=when)], by=STAFF)
    retried = AuditEntry.objects.get(job_id=job.id, action="retry")
    account = timing.of(job.id, now=when + timedelta(seconds=5))
    job.refresh_from_db()
    job.cancel(by=STAFF)
    fold_all()

    assert retried.detail == {"scheduledFor": written(when)}
    assert [(stretch.state, stretch.ended_at) for stretch in account.stretches[-2:]] == [
        ("retry_wait", when),
        ("queued", when + timedelta(seconds=5)),
    ]
    cancelled = AuditEntry.objects.get(job_id=job.id, action="cancel")
    (waited,) = (spread.microseconds for spread in rollup.spreads() if spread.state == "retry_wait")
    assert waited == (cancelled.at - retried.at) // timedelta(microseconds=1)
    # Of its first wait.
    assert [spread.stretches for spread in rollup.spreads() if spread.state == "queued"] == [1]


def test_a_job_that_was_pruned_before_it_was_folded_counts_under_its_type() -> None:
    ended("completed", days=31, type="report")
    retention.prune(Periods(completed=timedelta(days=30), failed=None, logs=None), by=STAFF)
    assert not Job.objects.exists()
    fold_all()

    assert {spread.type for spread in rollup.spreads()} == {"report"}
    counted = {(moved.from_status, moved.to_status): moved.jobs for moved in rollup.moves(among=Names("report", "report"))}
    assert counted == {
        (None, "queued"): 1,
        ("queued", "claimed"): 2,
        ("claimed", "running"): 2,
        ("running", "failed"): 1,
        ("failed", "queued"): 1,
        ("running", "completed"): 1,
    }


def test_percentiles_are_within_their_bound_of_the_exact_ones() -> None:
    chance = random.Random(8)  # noqa: S311  not a secret
    lengths = [round(math.exp(chance.uniform(0, math.log(30 * 86_400e6)))) for _ in range(3000)]
    lengths += [1, 2, 3, 10**6, 2**20, 2**20 - 1, 2**20 + 1]
    _write_stories("long", lengths, began=datetime(2026, 5, 1, tzinfo=UTC))
    fold_all()

    (spread,) = rollup.spreads()
    assert (spread.stretches, spread.microseconds) == (len(lengths), sum(lengths))
    for share in (0.0001, 0.01, 0.07, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1):
        exact = sorted(lengths)[math.ceil(round(share * len(lengths), 6)) - 1] / 1e6
        assert abs(spread.percentile(share) / exact - 1) <= 2 ** (1 / 16) - 1 + 1e-9, share


@pytest.mark.parametrize("share", [0, -0.1, 1.01])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    spread = rollup.Spread(type="report", state="running", stretches=1, microseconds=8, buckets={24: 1})

    with pytest.raises(ValueError, match="a share is above 0"):
        spread.percentile(share)


def test_a_period_tells_what_ended_in_it() -> None:
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    _write_stories("early", [5_000_000] * 3, began=noon)
    _write_stories("late", [5_000_000] * 4, began=noon + timedelta(minutes=30))
    fold_all()

    def counts(since: float, until: float, **some: Names) -> dict[str, int]:
        period = Period.around(noon + timedelta(minutes=since), noon + timedelta(minutes=until), now=datetime.now(UTC))
        return {spread.type: spread.stretches for spread in rollup.spreads(period, **some)}

    assert counts(0, 59) == {"early": 3, "late": 4}
    assert counts(0, 59, among=Names("late", "late")) == {"late": 4}
    assert counts(0, 29) == {"early": 3}
    # What it begins or ends in is told whole.
    assert counts(0.9, 30.1) == {"early": 3, "late": 4}
    assert counts(1, 59) == {"late": 4}
    # By the hour.
    assert counts(-3 * 24 * 60, 1) == {"early": 3, "late": 4}
    rates = rollup.moves(Period.around(noon, noon + timedelta(minutes=59), now=datetime.now(UTC)), step=timedelta(minutes=30))
    completed = [(moved.begins_at, moved.type, moved.jobs) for moved in rates if moved.to_status == "completed"]
    assert completed == [(noon, "early", 3), (noon + timedelta(minutes=30), "late", 4)]


@pytest.mark.parametrize(
    ("since", "until", "period"),
    [
        ("12:00:30", "12:10:59", (Span.MINUTE, "2026-05-01 12:00", "2026-05-01 12:11")),
        ("2026-04-30 12:00:30", "12:00:30", (Span.MINUTE, "2026-04-30 12:00", "2026-05-01 12:01")),
        ("2026-04-30 12:00:00", "12:00:01", (Span.HOUR, "2026-04-30 12:00", "2026-05-01 13:00")),
        ("2026-04-01 12:40:30", "2026-04-01 12:50:30", (Span.HOUR, "2026-04-01 12:00", "2026-04-01 13:00")),
    ],
)
def test_a_period_that_is_long_or_long_ago_is_told_by_hours(since: str, until: str, period: tuple[Span, str, str]) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(f"{text}+00:00" if text.startswith("2026") else f"2026-05-01 {text}+00:00")

    told = Period.around(moment(since), moment(until), now=moment("13:00:00"))
    assert told == Period(period[0], moment(period[1]), moment(period[2]))


def test_minutes_are_forgotten_and_their_sums_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "_MOST_FORGOTTEN", 50)
    began = datetime.now(UTC) - timedelta(days=4)
    chance = random.Random(9)  # noqa: S311  not a secret
    # A job each second for more than an hour, of all lengths, and some of today.
    _write_stories("report", [chance.randrange(1, 10**8) for _ in range(4000)], began=began)
    JobFactory(type="report", status="completed")
    fold_all()
    minutes = Period(Span.MINUTE, *TODAY)
    hours = Period(Span.HOUR, *TODAY)
    assert rollup.spreads(minutes) == rollup.spreads(hours) == rollup.spreads()
    assert rollup.moves(minutes) == rollup.moves(hours) == rollup.moves()
    before = rollup.spreads(), rollup.moves()

    rounds = 1
    while rollup.forget_minutes():
        rounds += 1

    assert rounds > 10
    assert (rollup.spreads(), rollup.moves()) == (rollup.spreads(hours), rollup.moves(hours)) == before
    (left,) = [spread for spread in rollup.spreads(minutes) if spread.state == "running"]
    assert left.stretches == 1
    for table in (TimeSpent, TransitionCount):
        of_minutes = table.objects.filter(span=Span.MINUTE)
        assert of_minutes.exists()
        assert not of_minutes.filter(begins_at__lt=timezone.now() - rollup.MINUTES_KEPT).exists()
        assert {each.begins_at.minute for each in table.objects.filter(span=Span.HOUR)} == {0}


def test_a_fold_begins_at_the_beginning_and_goes_on_in_bounded_rounds() -> None:
    _write_stories("report", [1000] * 50, began=datetime(2026, 5, 1, tzinfo=UTC))
    most = 30

    rounds = [folding.fold(rollup.FOLD, "rollup", most=most) for _ in range(6)]

    # The first only makes the place; the fifth takes in what is left.
    assert rounds == [True, True, True, True, False, False]
    assert rollup.spreads()[0].stretches == 50


def _write_stories(job_type: str, lengths: list[int], *, began: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(STORIES, {"type": job_type, "lengths": lengths, "began": began})


def _counted() -> dict[tuple[str, str, str], int]:
    return {(moved.type, moved.from_status or "", moved.to_status): moved.jobs for moved in rollup.moves()}


def _counted_in_the_log() -> dict[tuple[str, str, str], int]:
    types = dict(Job.objects.values_list("id", "type"))
    entries = AuditEntry.objects.values_list("job_id", "from_status", "to_status")
    return Counter((types[job_id or ""], source or "", str(target)) for job_id, source, target in entries if source != target)
