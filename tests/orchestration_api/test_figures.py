"""GET /figures: what was counted, by type."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from benchmarks.footprint import footprint
from jobs import rollup
from jobs.actors import Actor
from jobs.models import Job
from jobs.outcomes import Report
from jobs.rollup import Names
from jobs.rules import CHANGING
from jobs.sweeps import sweep
from jobs.times import written
from tests.factories import HOLDER, JobFactory, claimed, running
from tests.orchestration_api.wire import assert_error, send
from tests.postgres import API_KEY
from tests.rolled_up import fold_all


@pytest.fixture
def site(live_db: str) -> APIClient:
    """The machine door on a database in which everything commits: what is not committed is not counted."""
    return APIClient(headers={"Authorization": f"Bearer {API_KEY}"})


def test_it_tells_how_long_jobs_were_in_each_state_and_how_many_went_where(site: APIClient) -> None:
    for _ in range(3):
        JobFactory(type="report", status="completed")
    JobFactory(type="report", status="running").fail(Report(error="x", category="network"), by=HOLDER)
    JobFactory(type="mail", status="cancelled")
    fold_all()
    told = send(site, "get", "/figures").json()

    assert [each["type"] for each in told["types"]] == ["mail", "report"]
    assert (told["next"], told["lagSeconds"]) == (None, 0)
    report = told["types"][1]
    assert [(each["state"], each["stretches"]) for each in report["states"]] == [("claimed", 4), ("queued", 4), ("running", 4)]
    for each, spread in zip(report["states"], rollup.spreads(among=Names("report", "report")), strict=True):
        assert each["microseconds"] == spread.microseconds
        assert 0 < each["p50Microseconds"] <= each["p95Microseconds"] <= each["p99Microseconds"] < 2 * spread.microseconds
    assert [(each["fromStatus"], each["toStatus"], each["category"], each["jobs"]) for each in report["transitions"]] == [
        (None, "queued", None, 4),
        ("claimed", "running", None, 4),
        ("queued", "claimed", None, 4),
        ("running", "completed", None, 3),
        ("running", "failed", "network", 1),
    ]


def _unacknowledged(job: Job) -> None:
    claimed(job)
    _ago(job, lease_expires_at=1)
    Job.objects.filter(id=job.id).update(claim_losses=4)


def _given_back(job: Job, times: int) -> None:
    for _ in range(times):
        claimed(job).release(by=HOLDER)


def _given_back_by_silence(job: Job) -> None:
    _given_back(job, 9)
    claimed(job).acknowledge(by=HOLDER)
    _ago(job, lease_expires_at=1)


def _ago(job: Job, **columns: int) -> None:
    Job.objects.filter(id=job.id).update(**{name: timezone.now() - timedelta(seconds=seconds) for name, seconds in columns.items()})


# What each rule that fails jobs finds, and as what it fails them.
FAILED_BY_A_RULE: dict[str, tuple[Callable[[Job], None], str]] = {
    "unacknowledged": (_unacknowledged, "system"),
    "lease_lost": (lambda job: _ago(running(job), lease_expires_at=1), "lease_lost"),
    "timeout": (lambda job: _ago(running(job), lease_expires_at=1, started_at=131), "timeout"),
    "release_loop": (lambda job: _given_back(job, 10), "system"),
    "release_loop, by the sweep": (_given_back_by_silence, "system"),
}


def test_each_rule_that_fails_jobs_has_its_category() -> None:
    assert {name.split(",")[0] for name in FAILED_BY_A_RULE} == {*CHANGING} - {"cancel_overdue"}


@pytest.mark.parametrize("retried", [False, True])
@pytest.mark.parametrize("name", FAILED_BY_A_RULE)
def test_what_a_rule_fails_counts_under_the_category_of_the_job(name: str, retried: bool, site: APIClient) -> None:
    befall, category = FAILED_BY_A_RULE[name]
    job = JobFactory(type="report", timeout_seconds=10, max_attempts=1 + retried)
    befall(job)
    sweep(by=Actor.sweep(), force=True)
    fold_all()
    (told,) = send(site, "get", "/figures").json()["types"]

    assert Job.objects.get().error_category == category
    failed = [(each["category"], each["jobs"]) for each in told["transitions"] if each["toStatus"] == "failed"]
    assert failed == [(category, 1)]


def test_a_period_and_a_type_narrow_it(site: APIClient) -> None:
    JobFactory(type="report", status="completed")
    JobFactory(type="mail", status="completed")
    fold_all()
    hour = timedelta(hours=1)

    def types(query: str) -> list[str]:
        return [each["type"] for each in send(site, "get", f"/figures?{query}").json()["types"]]

    assert types("type=mail") == ["mail"]
    assert types(f"since={written(timezone.now())}") == ["mail", "report"]
    assert types(f"until={written(timezone.now() - hour)}") == []
    assert types(f"since={written(timezone.now() + hour)}&until={written(timezone.now() + 2 * hour)}") == []


def test_types_are_read_in_parts(site: APIClient) -> None:
    for number in range(5):
        JobFactory(type=f"type-{number}")
    fold_all()
    seen: list[str] = []
    query = "limit=2"
    while query:
        page = send(site, "get", f"/figures?{query}").json()
        seen += [each["type"] for each in page["types"]]
        query = page["next"] and f"limit=2&after={page['next']}"

    assert seen == [f"type-{number}" for number in range(5)]


MANY = 5000
# So many types have figures in each of three minutes.
CROWD = """
insert into time_spent (span, begins_at, type, state, bucket, stretches, microseconds)
select 60, m, 'type-' || lpad(n::text, 6, '0'), s, 80, 1, 1000
from generate_series(1, %(many)s) n, unnest(%(minutes)s::timestamptz[]) m, unnest(array['queued', 'running']) s;
insert into transition_counts (span, begins_at, type, from_status, to_status, category, jobs)
select 60, m, 'type-' || lpad(n::text, 6, '0'), s, 'failed', '', 1
from generate_series(1, %(many)s) n, unnest(%(minutes)s::timestamptz[]) m, unnest(array['queued', 'running']) s;
analyze time_spent, transition_counts;
"""


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["limit=3", "limit=3&after=type-002500", "limit=3&after=type-004996", "type=type-002501"])
def test_what_is_read_grows_with_the_types_that_are_told_and_not_with_those_that_there_are(query: str, api: APIClient) -> None:
    minutes = [timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=ago) for ago in (1, 5, 30)]
    with connection.cursor() as cursor:
        cursor.execute(CROWD, {"many": MANY, "minutes": minutes})
    with footprint() as seen:
        told = send(api, "get", f"/figures?{query}").json()["types"]

    assert [(each["states"][0]["stretches"], each["transitions"][0]["jobs"]) for each in told] == [(3, 3)] * (1 if "type=" in query else 3)
    assert not {"time_spent", "transition_counts"} & seen.whole.keys()
    assert sum(reads.entries for name, reads in seen.indexes.items() if name.startswith(("time_spent", "transition_counts"))) < 300


def test_what_is_not_counted_yet_is_told_by_its_age(site: APIClient) -> None:
    JobFactory(type="report")
    told = send(site, "get", "/figures").json()
    assert told["types"] == []

    assert rollup.lag_seconds() > 0
    fold_all()
    assert rollup.lag_seconds() == 0


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=2026-11-24", "limit=0", "limit=1001", "state=running", "type=a&type=b", "type=", "after="]
)
def test_a_question_that_is_none_is_refused(site: APIClient, query: str) -> None:
    assert_error(send(site, "get", f"/figures?{query}"), 400, "VALIDATION_INVALID_PARAMS")


def test_a_period_that_ends_before_it_begins_is_refused(site: APIClient) -> None:
    query = "since=2026-11-24T12:00:00Z&until=2026-11-24T11:00:00Z"
    assert_error(send(site, "get", f"/figures?{query}"), 400, "VALIDATION_INVALID_PARAMS")
