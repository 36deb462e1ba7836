"""What schemathesis must know besides the schema: what no schema can say, and where to write down what was answered.

It loads this module itself (SCHEMATHESIS_HOOKS), in a process of its own; tests/fuzzing/test_schema.py starts it and reads the journal.
"""

import json
import os
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

JOURNAL = os.environ["JOBSITE_FUZZING_JOURNAL"]
ORCHESTRATOR = os.environ["JOBSITE_FUZZING_ORCHESTRATOR"]
JOBS: list[str] = json.loads(os.environ["JOBSITE_FUZZING_JOBS"])
CURSORS: list[str] = json.loads(os.environ["JOBSITE_FUZZING_CURSORS"])
# What gunicorn takes; it answers longer ones itself, before anything of ours has seen them.
LONGEST_REQUEST_LINE = 4094
LONGEST_WAIT = 30
# In which order a cursor was given out: it is good for no other.
DEFAULT_ORDER = "-createdAt"
ORDER_OF: dict[str, str] = {}


def _moment(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


# A time that may be sent is one near the server's.
schemathesis.openapi.format("date-time", st.integers(-60, 60).map(_moment))
# A cursor is one that was given out.
schemathesis.openapi.format("cursor", st.sampled_from(CURSORS))


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    return len(urlencode(case.query or {}, doseq=True)) < LONGEST_REQUEST_LINE


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Makes valid requests valid where no schema can say what makes them so, and lets them speak of jobs there are."""
    if _is_valid(case, "path") and not case.path_parameters.get("id", "job_").startswith("job_"):
        case.path_parameters["id"] = JOBS[_chance(case) % len(JOBS)]
    if _is_valid(case, "body") and isinstance(case.body, dict | list):
        case.body = _plain(case.body)
    _stamp(case)
    if "X-Orchestrator-ID" in {parameter.name for parameter in case.operation.headers} and _is_valid(case, "header"):
        _introduce(case)
    for asked in (case.query, case.body):
        if isinstance(asked, dict) and asked.get("wait") in range(1, LONGEST_WAIT + 1):
            # A long poll that finds nothing is as good as a short one here.
            asked["wait"] = 0
    if case.query and "cursor" in case.query and _is_valid(case, "query"):
        case.query["ordering"] = ORDER_OF.get(case.query["cursor"], DEFAULT_ORDER)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """One line an answer: operation, status, error code."""
    is_error = response.status_code >= 400 and response.headers.get("content-type") == ["application/json"]
    code = response.json()["error"]["code"] if is_error else None
    operation = case.operation.definition.raw["operationId"]
    if operation == "listJobs" and response.status_code == 200:
        page = response.json()
        ORDER_OF.update(dict.fromkeys((page["next"], page["previous"]), (case.query or {}).get("ordering", DEFAULT_ORDER)))
    with open(JOURNAL, "a") as journal:
        journal.write(json.dumps([operation, response.status_code, code]) + "\n")


def _is_valid(case: Any, place: str) -> bool:
    return case.meta is None or not case.meta.is_negative_at(ParameterLocation(place))


def _stamp(case: Any) -> None:
    """Stamps a request anew: schemathesis also sends times that it was told, such as the end of a lease."""
    now = datetime.now(UTC).isoformat()
    if "X-Request-Timestamp" in case.headers and _is_valid(case, "header"):
        case.headers["X-Request-Timestamp"] = now
    if isinstance(case.body, dict) and isinstance(case.body.get("timestamp"), str) and _is_valid(case, "body"):
        case.body["timestamp"] = now


def _introduce(case: Any) -> None:
    """Says who calls, in the header or in the body; every other time it is the one who holds jobs."""
    told = isinstance(case.body, dict) and case.body.get("orchestratorId")
    if not told and (not case.headers.get("X-Orchestrator-ID") or _chance(case) % 2):
        case.headers["X-Orchestrator-ID"] = ORCHESTRATOR


def _chance(case: Any) -> int:
    """A number that is the same for the same case."""
    return zlib.crc32(repr((case.method, case.path, case.query, case.body)).encode(errors="replace"))


def _plain(value: Any) -> Any:
    """The same numbers as a client writes them: to JSON Schema 17.0 is an integer and 2^80 a number, the door takes neither for it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
