"""What schemathesis must know besides the schema: what no schema can say, and where to write down what was answered.

It loads this module itself (SCHEMATHESIS_HOOKS), in a process of its own; tests/fuzzing/test_schema.py starts it and reads the journal.
"""

import json
import os
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

JOURNAL = os.environ["JOBSITE_FUZZING_JOURNAL"]
ORCHESTRATOR = os.environ["JOBSITE_FUZZING_ORCHESTRATOR"]
# A bound token speaks for it, and must prove each claim.
BOUND = os.environ["JOBSITE_FUZZING_BOUND"] == "1"
# By id, with the lease token of those that are or were held; claims add theirs.
JOBS: dict[str, str | None] = json.loads(os.environ["JOBSITE_FUZZING_JOBS"])
# Batches report on some of them, so that they don't end all.
BATCHED, THERE = list(JOBS)[:12], list(JOBS)[12:]
# Which job is next, by operation: one status after the other, so that each meets one that it suits; not all begin with the same.
TURNS: dict[str, Iterator[str]] = {}
# Bulk operations, in every state.
BULK: list[str] = json.loads(os.environ["JOBSITE_FUZZING_OPERATIONS"])
# Fingerprints of failure groups, each with a job that stands failed.
GROUPS: list[str] = json.loads(os.environ["JOBSITE_FUZZING_GROUPS"])
CURSORS: list[str] = json.loads(os.environ["JOBSITE_FUZZING_CURSORS"])
GROUP_CURSORS: list[str] = json.loads(os.environ["JOBSITE_FUZZING_GROUP_CURSORS"])
# What gunicorn takes; it answers longer ones itself, before anything of ours has seen them.
LONGEST_REQUEST_LINE = 4094
LONGEST_WAIT = 30
# What an Idempotency-Key is.
KEY = re.compile("[!-~]([ -~]{0,253}[!-~])?")
# In which order a cursor was given out: it is good for no other.
DEFAULT_ORDER = "-createdAt"
ORDER_OF: dict[str, str] = {}


def _moment(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


# A time that may be sent is one near the server's.
schemathesis.openapi.format("date-time", st.integers(-60, 60).map(_moment))
# A cursor is one that was given out.
schemathesis.openapi.format("cursor", st.sampled_from(CURSORS))
schemathesis.openapi.format("group-cursor", st.sampled_from(GROUP_CURSORS))


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    return len(urlencode(case.query or {}, doseq=True)) < LONGEST_REQUEST_LINE


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Makes valid requests valid where no schema can say what makes them so, and lets them speak of jobs there are."""
    there, prefix = (BULK, "bulk_") if "/bulk-operations/" in case.operation.path else (THERE, "job_")
    if _is_valid(case, "path") and not case.path_parameters.get("id", prefix).startswith(prefix):
        case.path_parameters["id"] = _next(case, there)
    if _is_valid(case, "path") and "fingerprint" in case.path_parameters:
        # Some are left open, for acts that resolved ones refuse.
        closes = case.operation.path.endswith(("/resolve", "/reopen"))
        case.path_parameters["fingerprint"] = _next(case, GROUPS[:10] if closes else GROUPS[10:])
    if _is_valid(case, "body") and isinstance(case.body, dict | list):
        case.body = _plain(case.body)
    if _is_valid(case, "body") and isinstance(case.body, dict) and isinstance(case.body.get("until"), str):
        # Until then it is put aside, so it is to come.
        case.body["until"] = _moment(3600)
    _stamp(case)
    if _is_valid(case, "header"):
        known = {parameter.name for parameter in case.operation.headers}
        if "X-Orchestrator-ID" in known:
            _introduce(case)
        if "X-Lease-Token" in known and (BOUND or _chance(case) % 3):
            _prove(case)
    if isinstance(case.body, dict) and isinstance(case.body.get("updates"), list) and _is_valid(case, "body"):
        _name_jobs(case.body["updates"], _chance(case))
    key = case.headers.get("Idempotency-Key", "")
    if isinstance(key, str) and KEY.fullmatch(key) and not _lacks_token(case):
        # The same key names the same call, and no other.
        case.headers["Idempotency-Key"] = f"{key[:200]}-{_chance(case)}-{_number(case.headers)}"
    for asked in (case.query, case.body):
        if isinstance(asked, dict) and asked.get("wait") in range(1, LONGEST_WAIT + 1):
            # A long poll that finds nothing is as good as a short one here.
            asked["wait"] = 0
    if case.query and _is_valid(case, "query"):
        # Nothing, which another answer told, is sent as an empty word.
        case.query = {name: value for name, value in case.query.items() if value is not None}
    if case.query and "cursor" in case.query and case.operation.path.endswith("/jobs") and _is_valid(case, "query"):
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
    if operation in ("claim", "claimByGet", "reportBatch") and response.status_code == 200:
        JOBS.update({job["id"]: job["lease"]["token"] for job in response.json().get("jobs", ())})
    with open(JOURNAL, "a") as journal:
        journal.write(json.dumps([operation, response.status_code, code]) + "\n")


def _is_valid(case: Any, place: str) -> bool:
    return case.meta is None or not case.meta.is_negative_at(ParameterLocation(place))


def _next(case: Any, there: list[str]) -> str:
    """The one whose turn it is with this operation."""
    begin = _number(case.operation.label) % len(there)
    return next(TURNS.setdefault(case.operation.label, cycle(there[begin:] + there[:begin])))


def _lacks_token(case: Any) -> bool:
    """Whether it is to be sent without a token: with headers that were changed it would be sent with one."""
    return case.meta is not None and getattr(case.meta.phase.data, "parameter", None) == "Authorization"


def _stamp(case: Any) -> None:
    """Stamps a request anew: schemathesis also sends times that it was told, such as the end of a lease."""
    now = datetime.now(UTC).isoformat()
    if ("X-Request-Timestamp" in case.headers or BOUND) and _is_valid(case, "header"):
        case.headers["X-Request-Timestamp"] = now
    if isinstance(case.body, dict) and isinstance(case.body.get("timestamp"), str) and _is_valid(case, "body"):
        case.body["timestamp"] = now


def _introduce(case: Any) -> None:
    """Says who calls, in the header or in the body; every other time it is the one who holds jobs."""
    told = isinstance(case.body, dict) and case.body.get("orchestratorId")
    if BOUND and _chance(case) % 4:
        # Its token says it already, and nothing may say otherwise.
        case.headers.pop("X-Orchestrator-ID", None)
        if told and _is_valid(case, "body"):
            case.body["orchestratorId"] = ORCHESTRATOR
    elif not told and (not case.headers.get("X-Orchestrator-ID") or _chance(case) % 2):
        case.headers["X-Orchestrator-ID"] = ORCHESTRATOR


def _prove(case: Any) -> None:
    """Sends the lease token of the job, if it is held: any other one is refused."""
    token = JOBS.get(case.path_parameters.get("id", ""))
    if token is None:
        return
    case.headers["X-Lease-Token"] = token
    if isinstance(case.body, dict) and _is_valid(case, "body"):
        case.body |= {name: token for name in ("leaseToken", "renewalToken") if case.body.get(name) is not None}


def _name_jobs(updates: list[Any], chance: int) -> None:
    """Lets reports in a batch speak of jobs there are."""
    for place, update in enumerate(updates):
        if isinstance(update, dict) and isinstance(update.get("jobId"), str):
            update["jobId"] = BATCHED[(chance + place) % len(BATCHED)]
            update["leaseToken"] = JOBS[update["jobId"]]


def _chance(case: Any) -> int:
    """A number that is the same for the same case."""
    return _number(case.method, case.path, case.path_parameters, case.query, case.body)


def _number(*parts: Any) -> int:
    return zlib.crc32(repr(parts).encode(errors="replace"))


def _plain(value: Any) -> Any:
    """The same numbers as a client writes them: to JSON Schema 17.0 is an integer and 2^80 a number, the door takes neither for it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
