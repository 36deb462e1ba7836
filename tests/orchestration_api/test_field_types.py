"""Every field that any endpoint knows, with a value of every JSON type: refused or taken, never a 5xx, and null is the same as absent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from orchestration_api import bulk_bodies, serializers
from orchestration_api.shapes import WireSerializer
from tests.orchestration_api.endpoints import WRITING, Endpoint
from tests.orchestration_api.scrutiny import Sent, Subject, answered, complaints, one_job_of_each_kind, suits, undone

# Of each type a plain value, and what a careless reader would take for another type.
VALUES: list[Any] = [None, True, 0, -1, 2**63 - 1, 1.5, "", "0", "text", [], ["text"], {}, {"a": None}]
# Lists in which known fields stand, too.
LISTED = ("entries", "updates", "runningJobs")
# With which a body is right but for one field; an endpoint without any takes {}.
RIGHT: dict[str, Any] = {
    "/jobs": {"type": "t", "payload": {}},
    "/jobs/{id}": {"priority": 3},
    "/jobs/{id}/status": {"status": "running"},
    "/jobs/{id}/complete": {"exitCode": 0},
    "/jobs/{id}/fail": {"error": "no"},
    "/jobs/{id}/logs": {"entries": [{"sequence": 1, "stream": "stdout", "line": "x"}]},
    "/bulk-operations": {"action": "retry", "ids": ["job_gone"]},
    "/bulk-operations/{id}/confirm": {"reason": "x"},
    "/jobs/{id}/lease/renew": {"renewalToken": "1.x"},
}


def _known() -> Iterator[WireSerializer]:
    """One of each shape that a body may have."""
    for shape in (*vars(serializers).values(), *vars(bulk_bodies).values()):
        if isinstance(shape, type) and issubclass(shape, WireSerializer) and shape is not WireSerializer:
            yield shape()


FIELDS = sorted({str(name) for shape in _known() for name in shape.fields})
NULLABLE = {str(name) for shape in _known() for name, known in shape.fields.items() if known.allow_null}


def test_the_fields_are_those_of_the_contract() -> None:
    assert {"exitCode", "leaseToken", "runningJobs", "scheduledFor", "retryAfterSeconds", "percentage", "stream"} <= set(FIELDS)


@pytest.mark.parametrize("endpoint", WRITING, ids=" ".join)
def test_all_fields_at_once_with_a_value_of_each_type(db: None, endpoint: Endpoint) -> None:
    job = suits(endpoint, one_job_of_each_kind())
    bodies = [
        wrapped
        for value in VALUES
        for fields in [dict.fromkeys(FIELDS, value)]
        for wrapped in [fields, {"details": fields}, *({name: [fields]} for name in LISTED)]
    ]

    assert list(complaints(sent_to(endpoint, job, body) for body in bodies)) == []


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", WRITING, ids=" ".join)
def test_each_field_by_itself_with_a_value_of_each_type(db: None, endpoint: Endpoint) -> None:
    job = suits(endpoint, one_job_of_each_kind())
    right = RIGHT.get(endpoint[1], {})
    bodies = [{**right, **wrapped} for name in FIELDS for value in VALUES for wrapped in [{name: value}, {"details": {name: value}}]]

    assert list(complaints(sent_to(endpoint, job, body) for body in bodies)) == []


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", WRITING, ids=" ".join)
def test_null_is_the_same_as_absent(db: None, endpoint: Endpoint) -> None:
    job = suits(endpoint, one_job_of_each_kind())
    right = RIGHT.get(endpoint[1], {})
    absent = status_of(sent_to(endpoint, job, right))
    nulls = [name for name in FIELDS if name not in {*NULLABLE, *right}]
    others = [name for name in nulls if status_of(sent_to(endpoint, job, right | {name: None})) != absent]

    # (What an endpoint does not know it may refuse, whatever its value.)
    assert [name for name in others if not is_unknown(endpoint, job, name)] == []


def sent_to(endpoint: Endpoint, job: Subject, body: Any) -> Sent:
    method, path = endpoint
    text = json.dumps(body)
    return Sent(name=text[:200], method=method.upper(), target=path.format(id=job.id), body=text.encode())


def status_of(sent: Sent) -> int:
    """What it is answered; whatever it did is undone."""
    with undone():
        return int(answered(Client(), sent).status_code)


def is_unknown(endpoint: Endpoint, job: Subject, name: str) -> bool:
    with undone():
        told = answered(Client(), sent_to(endpoint, job, RIGHT.get(endpoint[1], {}) | {name: "text"})).json()
    said = told.get("error", {}).get("details", {}).get("fields", {}).get(name)
    return said in (["is not known here"], ["can't be changed"])
