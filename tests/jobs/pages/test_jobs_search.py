"""Which jobs a search finds, in which order, and how far it looks."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import QueryDict

from jobs.filters import WrongFilter
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.outcomes import Report
from jobs.paging import WrongPage
from jobs.search import ORDERS, Search, parsed
from tests.factories import HOLDER, STAFF, JobFactory, running

pytestmark = pytest.mark.django_db


def search(line: str, *, ordering: str = "-updated", may_see_payloads: bool = True) -> Search:
    return Search(parsed(line), ordering=ordering, may_see_payloads=may_see_payloads)


def found(line: str, **more: Any) -> set[str]:
    return {job.id for job in search(line, **more).found()}


def failed(error: str, *, exit_code: int = 1, **fields: Any) -> Job:
    job = running(JobFactory(**fields))
    job.fail(Report(error=error, exit_code=exit_code, retryable=False), by=HOLDER)
    return job


@pytest.fixture
def crash() -> Job:
    return failed("MemoryError: cannot allocate 2.1 GiB", exit_code=137, type="report", priority=90, payload={"customer": {"id": 42}})


@pytest.mark.parametrize(
    "line",
    [
        "status:failed type:report",
        "status:failed,queued type:report,export",
        "exit:137",
        'error:"cannot allocate"',
        "error:memoryerror error:GiB",
        "priority:>=90",
        "priority:80..95 attempts:1",
        "orchestrator:orch-1",
        "payload.customer.id=42",
        "allocate",
        "repo",
        "is:stuck status:failed exit:137 nothing",
    ],
)
def test_each_filter_finds_what_it_is_about_and_nothing_else(crash: Job, line: str) -> None:
    JobFactory(status="queued", type="other", priority=10)

    assert found(line) == (set() if "nothing" in line else {crash.id})


def test_a_job_is_found_by_the_beginning_of_its_id_and_by_its_group(crash: Job) -> None:
    assert found(crash.id[:-1]) == found(crash.id.removeprefix("job_")) == {crash.id}
    assert found(f"group:{crash.fingerprint} status:failed") == found(f"{crash.fingerprint}") == {crash.id}


def test_jobs_are_found_by_when_they_were_made_and_changed(crash: Job) -> None:
    assert found("created:24h updated:1h") == found(f"created:{crash.created_at:%Y-%m-%d}") == {crash.id}
    assert found("created:2020-01-01") == found("updated:<2020-01-01T00:00:00Z") == set()


def test_jobs_that_need_somebody_are_found() -> None:
    stuck, cancelling, well = (running(JobFactory()) for _ in range(3))
    cancelling.cancel(by=STAFF)
    Job.objects.filter(id=stuck.id).update(lease_expires_at=stuck.created_at - timedelta(minutes=1))

    assert (found("is:stuck"), found("is:cancelling")) == ({stuck.id}, {cancelling.id})
    assert well.id in found("status:running")


@pytest.mark.parametrize("key", ["password", "db.apiKey", "env.value", "credentials.user"])
def test_what_is_masked_is_never_searched(key: str) -> None:
    with pytest.raises(WrongFilter, match="may be masked"):
        search(f"payload.{key}=x")


def test_payloads_are_searched_by_those_who_may_see_them() -> None:
    with pytest.raises(PermissionDenied, match="view_payload"):
        search("payload.rows=3", may_see_payloads=False)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("colour=red", "colour: is not known here"),
        ("status=nonsense", "nonsense is not one of the available choices"),
        ("priorityMin=101", "less than or equal to 100"),
        ("priorityMin=", "is empty"),
        ("attemptsMin=x", "whole number"),
        ("exitCode=1,x", "must be whole numbers"),
        ("exitCode=99999999999999999999", "is out of range"),
        ("createdWithin=soon", "must be a whole number of seconds"),
        ("id=a+b", "must be the beginning of an id"),
        ("words=", "must have 1 to 200 characters"),
        ("error=a%00", "none of them NUL"),
        ("payload=x", "must be a key and its value"),
        ("attention=none", "available choices"),
        ("&".join(["words=a"] * 11), "stands more than 10 times"),
    ],
)
def test_what_is_wrong_in_an_address_is_said(address: str, said: str) -> None:
    with pytest.raises(WrongFilter, match=said):
        Search(QueryDict(address), may_see_payloads=True)


@pytest.fixture
def many() -> list[Job]:
    """Jobs that differ in everything that they can be ordered by."""
    return [
        *(
            JobFactory(status=status, type="a" if number % 2 else "b", priority=number * 7 % 50)
            for number, status in enumerate([*Status] * 2)
        ),
        failed("x", priority=3),
    ]


@pytest.mark.parametrize("capped", [False, True], ids=["sorted", "walked"])
@pytest.mark.parametrize("line", ["", "type:a", "status:failed,queued,running", "type:a,b status:completed", "priority:>=0"])
@pytest.mark.parametrize("ordering", [sign + name for name in ORDERS for sign in ("", "-")])
def test_pages_in_every_order_lead_to_the_end_and_back(
    many: list[Job], ordering: str, line: str, capped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ordering.removeprefix("-")
    expected = sorted(found(line, ordering=ordering))
    looked_for = search(line, ordering=ordering)
    if capped and ORDERS[name].walks and not looked_for.looks_for:
        monkeypatch.setattr("jobs.search.reach.MOST_SEARCHED", 1)
    pages, cursor = [], None
    while True:
        pages.append(search(line, ordering=ordering).page(lambda jobs: jobs.defer("payload"), cursor=cursor, size=4))
        cursor = pages[-1].next
        if cursor is None:
            break

    rows = [job for page in pages for job in page.rows]
    assert sorted(job.id for job in rows) == expected
    keys = [(getattr(job, "order_key"), job.id) for job in rows]  # noqa: B009  an annotation
    assert keys == sorted(keys, reverse=ordering.startswith("-"))
    if len(pages) > 1:
        back = search(line, ordering=ordering).page(lambda jobs: jobs, cursor=pages[1].previous, size=4)
        assert [job.id for job in back.rows] == [job.id for job in pages[0].rows]


def test_by_the_end_come_only_jobs_that_have_one(many: list[Job]) -> None:
    assert {job.status for job in search("", ordering="completed").found()} == {"completed", "failed", "cancelled"}
    assert all(job.started_at for job in search("", ordering="duration").found())


def test_too_many_are_ordered_by_indexes_alone(many: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.search.reach.MOST_SEARCHED", 5)
    with pytest.raises(WrongPage, match="More than 5 jobs match: too many to order them by attempts"):
        search("", ordering="attempts").page(lambda jobs: jobs, cursor=None, size=4)
    assert len(search("type:b status:failed", ordering="attempts").page(lambda jobs: jobs, cursor=None, size=4).rows) == 2


def test_what_no_index_answers_is_looked_for_among_the_newest(many: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not search("priority:>=0").is_bounded
    monkeypatch.setattr("jobs.search.reach.MOST_SEARCHED", 5)
    bounded = search("priority:>=0")
    newest = [job.id for job in sorted(many, key=lambda job: (Job.objects.get(id=job.id).updated_at, job.id))[-5:]]

    assert bounded.is_bounded
    assert {job.id for job in bounded.found()} == set(newest)
    assert (bounded.matching.number, bounded.matching.is_capped) == (5, False)
    assert str(search("").matching) == "5+"
