"""Who gets which jobs, and in which order."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from jobs.actors import Actor, Holder
from jobs.claiming import claim, is_anything_due, queue_size, types_on_record
from jobs.enqueueing import NewJob, enqueue
from jobs.leases import Pulse, heartbeat
from jobs.lifecycle import Status
from jobs.models import Job, Orchestrator
from orchestration_api.representations import JobWhole
from tests.factories import PRODUCER, JobFactory
from tests.ledger import assert_sound, entries
from tests.statements import counted

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]


def make(count: int, *, type: str = "a", by: Actor = PRODUCER, **fields: object) -> list[str]:
    return [job.id for job in enqueue([NewJob(type=type, **fields) for _ in range(count)], by=by)]  # type: ignore[arg-type]


def test_a_claim_gives_a_lease_an_epoch_and_an_entry(holder: Holder) -> None:
    (job_id,) = make(1)
    (job,) = claim(by=holder, batch_size=10).jobs

    assert (job.id, job.status, job.epoch, job.orchestrator_id) == (job_id, Status.CLAIMED, 1, holder.name)
    assert job.claimed_at is not None
    assert job.lease_expires_at == job.claimed_at + timedelta(seconds=60)
    assert entries(job)[-1].actor == holder.name
    assert_sound(job.id)


def test_ids_ascend_within_one_request() -> None:
    ids = make(300)

    assert ids == sorted(ids)
    assert all(len(job_id) <= 50 and job_id.startswith("job_") for job_id in ids)


def test_the_best_jobs_come_first(holder: Holder) -> None:
    now = datetime.now(UTC)
    low = make(2, priority=10)
    later = make(1, type="b", scheduled_for=now - timedelta(minutes=1))
    sooner = make(2, scheduled_for=now - timedelta(minutes=2))
    high = make(1, type="c", priority=99)

    assert [job.id for job in claim(by=holder, batch_size=10).jobs] == high + sooner + later + low


@pytest.mark.parametrize("size", [1, 3, 7, 500])
def test_a_claim_never_gives_more_than_asked_and_never_less_than_there_is(holder: Holder, size: int) -> None:
    for name in "abcde":
        make(4, type=name)

    assert len(claim(by=holder, batch_size=size).jobs) == min(size, 20)


def test_only_the_types_asked_for_are_given(holder: Holder) -> None:
    make(2, type="a")
    wanted = make(2, type="b")

    assert [job.id for job in claim(by=holder, batch_size=9, job_types=["b", "unheard-of"]).jobs] == wanted
    assert claim(by=holder, batch_size=9, job_types=["unheard-of"]).jobs == []


def test_a_job_scheduled_for_later_is_not_given_before(holder: Holder) -> None:
    (later,) = make(1, scheduled_for=datetime.now(UTC) + timedelta(hours=1))
    assert not is_anything_due()
    assert claim(by=holder, batch_size=9).jobs == []

    Job.objects.filter(id=later).update(scheduled_for=datetime.now(UTC))

    assert is_anything_due()
    assert [job.id for job in claim(by=holder, batch_size=9).jobs] == [later]


def test_a_claim_asked_again_gives_what_is_left_of_it(holder: Holder, other: Holder) -> None:
    make(3)
    first = claim(by=holder, batch_size=3, claim_id="c-1")
    first.jobs[0].complete(by=holder)
    again = claim(by=holder, batch_size=3, claim_id="c-1")

    assert [(job.id, job.epoch) for job in again.jobs] == [(job.id, 1) for job in first.jobs[1:]]
    assert claim(by=other, batch_size=3, claim_id="c-1").jobs == []


def test_a_claim_of_which_nothing_is_left_claims_anew(holder: Holder) -> None:
    make(1)
    (job,) = claim(by=holder, batch_size=1, claim_id="c-1").jobs
    job.complete(by=holder)
    fresh = make(1)

    assert [job.id for job in claim(by=holder, batch_size=1, claim_id="c-1").jobs] == fresh


def test_no_answer_grows_beyond_its_limit_but_one_job_always_goes(holder: Holder) -> None:
    make(4, payload="x" * 100_000)
    with override_settings(ANSWER_LIMIT=65536 + 500_000):
        assert len(claim(by=holder, batch_size=4).jobs) == 2
    with override_settings(ANSWER_LIMIT=65536 + 10):
        assert len(claim(by=holder, batch_size=4).jobs) == 1


@pytest.mark.parametrize("types", [1, 3], ids=["one lane", "three lanes"])
def test_what_takes_up_more_in_an_answer_than_in_the_database_is_counted_as_it_is_told(holder: Holder, types: int) -> None:
    """Short enough to be stored as it is; as JSON six times as long, and told twice."""
    for number in range(30):
        make(1, type=f"type-{number % types}", payload={"script": {"a": "\x01" * 1500}})
    most = 65536 + 200_000
    with override_settings(ANSWER_LIMIT=most):
        got = claim(by=holder, batch_size=30).jobs

    told = 2 * len(json.dumps(got[0].payload)) * len(got)
    assert 150_000 < told < most - 65536


def test_a_claim_brings_all_that_the_api_tells_of_a_job_and_no_more(holder: Holder) -> None:
    make(1)
    (job,) = claim(by=holder, batch_size=1).jobs

    told = {field.source for field in JobWhole().fields.values()}
    assert told == {field.attname for field in Job._meta.concrete_fields} - job.get_deferred_fields()


def test_a_claim_is_one_statement_and_its_caller_is_noted_once_in_a_while(holder: Holder, other: Holder) -> None:
    make(3)
    with counted() as first:
        claim(by=holder, batch_size=1)
    with counted() as second:
        claim(by=holder, batch_size=1, claim_id="c-1")
    with counted() as of_another:
        claim(by=other, batch_size=1)

    assert (first.statements, second.statements, of_another.statements) == (2, 1, 2)
    assert {orchestrator.id for orchestrator in Orchestrator.objects.all()} == {holder.name, other.name}


def test_priority_holds_however_many_jobs_come_due_at_once(holder: Holder) -> None:
    then = datetime.now(UTC) + timedelta(hours=1)
    make(600, scheduled_for=then, priority=10)
    (best,) = make(1, scheduled_for=then, priority=100)
    Job.objects.update(scheduled_for=datetime.now(UTC))

    assert [job.id for job in claim(by=holder, batch_size=1).jobs] == [best]


def test_an_orchestrator_that_names_no_types_takes_any(holder: Holder) -> None:
    heartbeat(Pulse(job_types=[]), by=holder)
    make(2)

    assert types_on_record(holder.name) is None
    assert (is_anything_due(by=holder), queue_size(by=holder), len(claim(by=holder, batch_size=9).jobs)) == (True, 2, 2)


def test_the_types_on_record_hold_where_none_are_asked_for(holder: Holder, other: Holder) -> None:
    heartbeat(Pulse(job_types=["b", "c"]), by=holder)
    (a,), (b,) = make(1, type="a"), make(1, type="b")

    assert (queue_size(by=holder), queue_size(["a"], by=holder), queue_size(by=other)) == (1, 1, 2)
    assert [job.id for job in claim(by=holder, batch_size=9).jobs] == [b]
    assert not is_anything_due(by=holder)
    assert [job.id for job in claim(by=holder, batch_size=9, job_types=["a"]).jobs] == [a]


def test_a_number_beyond_64_bits_comes_back_as_the_double_it_was(holder: Holder) -> None:
    make(1, payload={"n": 1e22})
    (job,) = claim(by=holder, batch_size=1).jobs

    assert repr(job.payload) == repr(Job.objects.get(id=job.id).payload) == "{'n': 1e+22}"


def test_the_queue_is_counted_by_type() -> None:
    make(3, type="a")
    make(2, type="b")
    JobFactory(status="claimed")

    assert (queue_size(), queue_size(["b"]), queue_size(["none"])) == (5, 2, 0)


def test_a_queue_that_is_much_longer_than_it_is_counted_is_not_counted_at_each_claim() -> None:
    for _ in range(15):
        make(1000, type="long")
    with counted() as count:
        assert [queue_size(["long"], has_just_given=True) for _ in range(3)] == [10_000] * 3

    assert count.statements == 1
    time.sleep(0.3)
    (job,) = claim(by=Holder.of("orch-1"), batch_size=1, job_types=["long"]).jobs
    assert (job.type, queue_size(["long"], has_just_given=True)) == ("long", 10_000)


def test_a_long_queue_is_counted_where_it_gave_nothing(sql: Sql) -> None:
    for _ in range(15):
        make(1000, type="stopped")
    assert queue_size(["stopped"], has_just_given=True) == 10_000
    sql("insert into pauses (scope, name, mode, reason, paused_by) values ('type', 'stopped', 'paused', 'a test', 'anna')")

    assert queue_size(["stopped"]) == 0
