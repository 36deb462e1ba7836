"""What comes back from the database is what was sent, in the types that the model has."""

import json
from typing import Any

import pytest

from jobs import numbers, statements
from jobs.claiming import claim
from jobs.lifecycle import Status
from jobs.models import Job
from tests.factories import HOLDER, JobFactory

pytestmark = pytest.mark.django_db

WHOLE = [0, -1, 10**17, 10**18, 2**63 - 1, -(2**63)]
BEYOND = [2.0**63, 1e19, 1e22, -1e22, 1e300]
FRACTIONS = [1.5, 1e-7, 5e-324, 0.1234567890123456]


@pytest.mark.parametrize("number", [*WHOLE, *BEYOND, *FRACTIONS], ids=repr)
def test_a_number_comes_back_as_the_one_that_was_sent(number: float) -> None:
    sent = {"n": number, "beside": [1, "1" * 30, True, None]}
    told = JobFactory(payload=sent).payload

    assert told == sent
    assert type(told["n"]) is type(number)


@pytest.mark.parametrize("digits", ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1" + "0" * 300])
def test_a_whole_number_beyond_64_bits_is_read_as_a_double(digits: str) -> None:
    (number,) = numbers.read(f"[{digits}]".encode())

    assert (type(number), number) == (float, float(digits))


@pytest.mark.parametrize("value", [None, [], {}, "", '€🦀\x01"\\/\u2028', {"": {"a": [[[]]]}}, "9" * 5000], ids=repr)
def test_any_value_comes_back_as_it_was_sent(value: Any) -> None:
    assert JobFactory(payload=value).payload == value
    assert numbers.read(json.dumps(value).encode()) == value


@pytest.mark.parametrize("status", [Status.QUEUED, Status.CLAIMED])
def test_a_job_that_a_statement_tells_is_the_one_that_the_model_reads(status: str) -> None:
    told = JobFactory(payload={"a": [1]}, unique_key="k")
    if status == Status.CLAIMED:
        (told,) = claim(by=HOLDER, batch_size=1, job_types=[told.type]).jobs
    read = Job.objects.get(id=told.id)
    there = set(vars(told)) - {"_state"}

    assert told == read
    assert {"id", "created_at", "priority", "payload"} <= there
    assert {name: getattr(told, name) for name in there} == {name: getattr(read, name) for name in there}
    assert (told._state.adding, told._state.db) == (read._state.adding, read._state.db)


def test_a_column_that_was_left_out_is_read_when_it_is_asked_for() -> None:
    job = statements.as_job({"id": JobFactory(payload=[7]).id, "verdict": "applied"})

    assert job.get_deferred_fields() == {field.attname for field in Job._meta.concrete_fields} - {"id"}
    assert not hasattr(job, "verdict")
    assert job.payload == [7]


def test_the_model_reads_numbers_like_a_statement() -> None:
    job = JobFactory(payload=[*WHOLE, *BEYOND, *FRACTIONS])
    read = Job.objects.get(id=job.id).payload

    assert repr(read) == repr(job.payload) == repr([*WHOLE, *BEYOND, *FRACTIONS])
