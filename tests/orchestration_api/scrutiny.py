"""What no answer of the machine door may be, whatever was sent, and whether a refused call has left a trace."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.test import Client

from jobs import bulk
from jobs.bulk import Selection
from jobs.models import BulkOperation, Job
from tests.factories import PRODUCER, JobFactory
from tests.orchestration_api.endpoints import Endpoint
from tests.orchestration_api.wire import BASE
from tests.postgres import API_KEY

HEADERS = {"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": "orch-1", "Content-Type": "application/json"}
READING = {"GET", "HEAD", "OPTIONS"}
_ROWS = """
select md5(concat_ws('#',
  (select string_agg(j::text, '|' order by j::text) from jobs j),
  (select string_agg(e::text, '|' order by e::text) from audit_log e),
  (select string_agg(a::text, '|' order by a::text) from attempts a),
  (select string_agg(o::text, '|' order by o::text) from bulk_operations o),
  (select string_agg(l::text, '|' order by l::text) from log_lines l)))"""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request.

    Attributes:
        name: what is bad about it.
        target: below the base path.
        expect: the statuses one of which it must be answered with; empty where being no 5xx is all.
    """

    name: str
    method: str
    target: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)
    expect: frozenset[int] = frozenset()


Subject = Job | BulkOperation


def one_job_of_each_kind() -> dict[str, Subject]:
    """A job in each state that endpoints ask for, one with a line in its log; and a bulk operation on one."""
    jobs = {"running": JobFactory(status="running"), "queued": JobFactory(), "failed": JobFactory(status="failed")}
    entry = {"sequence": 0, "stream": "stdout", "line": "hello"}
    answer = Client(headers=HEADERS).post(f"{BASE}/jobs/{jobs['running'].id}/logs", {"entries": [entry]}, content_type="application/json")
    assert answer.status_code == 200
    operation = bulk.create("retry", Selection(ids=[jobs["failed"].id]), by=PRODUCER)
    return {**jobs, "operation": operation}


def suits(endpoint: Endpoint, jobs: Mapping[str, Subject]) -> Subject:
    """The one of these with which the endpoint has something to do."""
    method, path = endpoint
    if path.startswith("/bulk-operations"):
        return jobs["operation"]
    return jobs["queued" if method == "patch" else "failed" if path.endswith(("/retry", "/run-again")) else "running"]


def complaints(requests: Iterable[Sent]) -> Iterator[str]:
    """What is wrong with the answers to these, each asked as if it were the first."""
    client = Client(raise_request_exception=False)
    before = rows()
    for sent in requests:
        with undone():
            answer = answered(client, sent)
            told = list(faults(answer, sent))
            reads = sent.method in READING and "/jobs/queue" not in sent.target
            if (answer.status_code >= 400 or reads) and rows() != before:
                told.append("changed something")
        yield from (f"{sent.name}: {answer.status_code} {fault}" for fault in told)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def answered(client: Client, sent: Sent) -> Any:
    headers = dict(sent.headers)
    kind = headers.pop("Content-Type")
    return client.generic(sent.method, BASE + sent.target, sent.body, kind, headers=headers)


def rows() -> str:
    """A hash of every row that a call could change."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS)
        (found,) = cursor.fetchone()
    return str(found)


def faults(answer: Any, sent: Sent) -> Iterator[str]:
    """What is wrong with an answer."""
    status, kind = answer.status_code, answer.get("Content-Type", "")
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if status >= 500:
        yield f"is a fault of ours: {content!r}"
    if sent.expect and status not in sent.expect:
        yield f"where {sorted(sent.expect)} is expected"
    if "html" in kind or b"<html" in content.lower():
        yield "answers HTML"
    if answer.get("Cache-Control") != "no-store" or not re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", answer.get("X-Request-ID", "")):
        yield f"lacks a header: {dict(answer.headers)}"
    if status < 400 or sent.method == "HEAD":
        return
    if kind != "application/json":
        yield f"answers {kind}"
        return
    error = answer.json().get("error", {})
    if answer.json().keys() != {"error"} or error.keys() != {"code", "message", "details", "timestamp", "traceId"}:
        yield f"is of another shape: {content!r}"
    elif error["traceId"] != answer["X-Request-ID"] or API_KEY in content.decode() or re.search("Traceback|psycopg|select ", str(error)):
        yield f"says what it should not: {content!r}"
