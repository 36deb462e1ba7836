"""Who may do what at the machine door, as one table: every route against every kind of caller."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.urls import URLPattern

from jobs import bulk, leases, times, tokens
from jobs.actors import Actor
from jobs.bulk import Selection
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Status
from jobs.models import ApiToken, BulkOperation, BulkState, Job
from orchestration_api.urls import urlpatterns
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory, grouped, running
from tests.orchestration_api.endpoints import addressed
from tests.postgres import API_KEY

# ok: 2xx. The job is made by PRODUCER and held by HOLDER, but in the column `of staff`.
ACCESS = """
            service  holder  stranger  maker  other maker  of staff  reader  manager  holder+read  stranger+read
report      ok       ok      404       403    403          403       403     403      ok           404
orchestrate ok       ok      ok        403    403          403       403     403      ok           ok
make        ok       403     403       ok     ok           ok        403     403      403          403
list        ok       403     403       ok     ok           ok        ok      403      ok           ok
look        ok       ok      404       ok     404          404       ok      403      ok           ok
steer       ok       403     403       ok     404          404       403     ok       403          403
count       ok       403     403       403    403          403       ok      403      ok           ok
triage      ok       403     403       403    403          403       403     ok       403          403
anybody     ok       ok      ok        ok     ok           ok        ok      ok       ok           ok
choose      ok       403     403       ok     ok           ok        403     ok       403          403
browse      ok       403     403       ok     ok           ok        ok      ok       ok           ok
watch       ok       403     403       ok     404          404       ok      ok       ok           ok
conduct     ok       403     403       ok     404          404       403     ok       403          403
"""
_LOG = {"entries": [{"sequence": 0, "stream": "stdout", "line": "a line"}]}


@dataclass(frozen=True)
class Call:
    """How a route is called with success by those who may, and by which row of the table.

    Attributes:
        status: of the job in the address; of a bulk operation, its state.
    """

    row: str
    status: str = "running"
    body: Any = None


CALLS = {
    ("GET", "/jobs/queue"): Call("orchestrate"),
    ("POST", "/jobs/claim"): Call("orchestrate", body={}),
    ("GET", "/jobs/orphaned"): Call("orchestrate"),
    ("GET", "/jobs/stats"): Call("count"),
    ("GET", "/events"): Call("count"),
    ("GET", "/figures"): Call("count"),
    ("GET", "/jobs"): Call("list"),
    ("POST", "/jobs"): Call("make", body={"type": "t", "payload": 1}),
    ("GET", "/jobs/{id}"): Call("look"),
    ("PATCH", "/jobs/{id}"): Call("steer", "queued", {"priority": 10}),
    ("GET", "/jobs/{id}/history"): Call("look"),
    ("GET", "/jobs/{id}/timing"): Call("look"),
    ("GET", "/jobs/{id}/attempts"): Call("look"),
    ("GET", "/jobs/{id}/blockers"): Call("look"),
    ("POST", "/jobs/{id}/cancel"): Call("steer", "running", {}),
    ("POST", "/jobs/{id}/retry"): Call("steer", "failed", {}),
    ("POST", "/jobs/{id}/run-again"): Call("steer", "completed", {}),
    ("POST", "/jobs/{id}/acknowledge"): Call("report", "claimed", {}),
    ("PUT", "/jobs/{id}/status"): Call("report", "claimed", {"status": "running"}),
    ("POST", "/jobs/{id}/complete"): Call("report", body={"exitCode": 0}),
    ("POST", "/jobs/status"): Call("orchestrate", body={"updates": []}),
    ("POST", "/jobs/{id}/fail"): Call("report", body={"error": "it broke"}),
    ("POST", "/jobs/{id}/release"): Call("report", body={}),
    ("POST", "/jobs/{id}/lease/renew"): Call("report", body={"renewalToken": "…"}),
    ("POST", "/jobs/{id}/logs"): Call("report", body=_LOG),
    ("GET", "/jobs/{id}/logs"): Call("look"),
    ("GET", "/jobs/{id}/logs.txt"): Call("look"),
    ("GET", "/jobs/{id}/output.txt"): Call("look"),
    ("POST", "/bulk-operations"): Call("choose", body={"action": "retry", "filter": {"status": "failed"}}),
    ("GET", "/bulk-operations"): Call("browse"),
    ("GET", "/bulk-operations/{id}"): Call("watch", "running"),
    ("GET", "/bulk-operations/{id}/items"): Call("watch", "running"),
    ("POST", "/bulk-operations/{id}/confirm"): Call("conduct", "preview", {"reason": "the disk is mended"}),
    ("POST", "/bulk-operations/{id}/pause"): Call("conduct", "running", {}),
    ("POST", "/bulk-operations/{id}/resume"): Call("conduct", "paused", {}),
    ("POST", "/bulk-operations/{id}/stop"): Call("conduct", "paused", {}),
    ("POST", "/orchestrator/heartbeat"): Call("orchestrate", body={}),
    ("GET", "/orchestrator/health"): Call("anybody"),
    ("POST", "/orchestrator/health"): Call("orchestrate", body={"load": 1}),
    ("POST", "/orchestrator/metrics"): Call("orchestrate", body={"load": 1}),
    ("GET", "/orchestrator/me"): Call("anybody"),
    ("GET", "/failure-groups"): Call("count"),
    ("GET", "/failure-groups/{fingerprint}"): Call("count", "failed"),
    ("POST", "/failure-groups/{fingerprint}/acknowledge"): Call("triage", "failed", {}),
    ("POST", "/failure-groups/{fingerprint}/snooze"): Call("triage", "failed", {"failures": 3}),
    ("POST", "/failure-groups/{fingerprint}/resolve"): Call("triage", "failed", {}),
    ("POST", "/failure-groups/{fingerprint}/reopen"): Call("triage", "failed", {}),
    ("POST", "/failure-groups/{fingerprint}/retry"): Call("triage", "failed", {"reason": "the disk is larger now"}),
}


def routes() -> dict[tuple[str, str], Callable[..., Any]]:
    """Every method of every address that the door serves, with the view method behind it."""
    served = {}
    for route in urlpatterns:
        view: Any = route.callback if isinstance(route, URLPattern) else None
        for method, action in getattr(view, "actions", {}).items():
            if method != "head":
                served[method.upper(), "/" + addressed(str(route.pattern))] = getattr(view.cls, action)
    return served


def access() -> dict[str, dict[str, str]]:
    """The table by rows and columns."""
    head, *rows = [line for line in ACCESS.splitlines() if line]
    columns = [word.strip() for word in head.split("  ") if word.strip()]
    return {words[0]: dict(zip(columns, words[1:], strict=True)) for words in map(str.split, rows)}


def token(*scopes: str, name: str = "caller", orchestrator_id: str | None = None, expires_in: timedelta | None = None) -> str:
    """The text of a token issued just now."""
    return tokens.issue(name, scopes=scopes, by=STAFF, orchestrator_id=orchestrator_id, expires_in=expires_in).text


LIVING: dict[str, Callable[[], str]] = {
    "service": lambda: API_KEY,
    "holder": lambda: token("orchestrate", orchestrator_id=HOLDER.name),
    "stranger": lambda: token("orchestrate", orchestrator_id=OTHER.name),
    "maker": lambda: token("enqueue", name=PRODUCER.name),
    "other maker": lambda: token("enqueue", name="producer-2"),
    "of staff": lambda: token("enqueue", name=PRODUCER.name),
    "reader": lambda: token("read"),
    "manager": lambda: token("manage"),
    "holder+read": lambda: token("orchestrate", "read", orchestrator_id=HOLDER.name),
    "stranger+read": lambda: token("orchestrate", "read", orchestrator_id=OTHER.name),
}


def revoked() -> str:
    text = token("orchestrate", "enqueue", "read", "manage", orchestrator_id=HOLDER.name)
    tokens.revoke("caller", by=STAFF)
    return text


def expired() -> str:
    text = token("orchestrate", "enqueue", "read", "manage", orchestrator_id=HOLDER.name, expires_in=timedelta(hours=1))
    ApiToken.objects.update(expires_at=times.now() - timedelta(seconds=1))
    return text


def wrong_secret() -> str:
    text = token("orchestrate", "enqueue", "read", "manage", orchestrator_id=HOLDER.name)
    return text[:-1] + ("A" if text[-1] != "A" else "B")


DEAD: dict[str, Callable[[], str | None]] = {
    "none": lambda: None,
    "garbled": lambda: "jst_garbled",
    "unknown": lambda: f"jst_{'0' * 12}_{'x' * 43}",
    "revoked": revoked,
    "expired": expired,
    "wrong secret": wrong_secret,
}


def job_for(call: Call, *, of_staff: bool = False) -> Job:
    """The job in the address of a call."""
    if of_staff:
        (job,) = enqueue([NewJob(type="of-staff", payload={})], by=STAFF)
        return running(job)
    job = JobFactory(status=call.status if call.status in set(Status) else Status.RUNNING)
    if job.fingerprint:
        grouped(job)
    return job


def id_for(path: str, call: Call, job: Job) -> str:
    """The id in the address of a call: of the job, or of a bulk operation by who made the job."""
    if not path.startswith("/bulk-operations"):
        return job.id
    return operation_in(call.status, by=STAFF if job.created_by == STAFF.created_by else PRODUCER).id


def address(path: str, job: Job, identifier: str | None = None) -> str:
    """Of a job (or what else the id is of), or of the failure group that it is in."""
    return path.format(id=identifier or job.id, fingerprint=job.fingerprint)


def operation_in(state: str, *, by: Actor = PRODUCER) -> BulkOperation:
    """A bulk operation in that state, on a failed job of its own."""
    job = JobFactory(status="failed")
    operation = bulk.create("retry", Selection(ids=[job.id]), by=by)
    for act in _WAY_TO[BulkState(state)]:
        act(operation.id)
    if state == BulkState.DONE:
        bulk.run_batch(only=operation.id)
    operation.refresh_from_db()
    return operation


_CONFIRM, _PAUSE, _STOP = (
    partial(bulk.confirm, by=STAFF, reason="the disk is mended"),
    partial(bulk.pause, by=STAFF),
    partial(bulk.stop, by=STAFF),
)
_WAY_TO: dict[BulkState, tuple[Callable[[str], object], ...]] = {
    BulkState.PREVIEW: (),
    BulkState.RUNNING: (_CONFIRM,),
    BulkState.PAUSED: (_CONFIRM, _PAUSE),
    BulkState.STOPPED: (_CONFIRM, _STOP),
    BulkState.DONE: (_CONFIRM,),
}


def body_for(call: Call, job: Job) -> Any:
    return {**call.body, "renewalToken": leases.token_of(job)} if call.body and "renewalToken" in call.body else call.body


def headers_for(text: str | None, job: Job) -> dict[str, str]:
    """What a caller sends with each call; only the shared key has to say for whom it speaks."""
    proofs = {"X-Lease-Token": leases.token_of(job), "X-Request-Timestamp": times.written(times.now())}
    return proofs | ({"Authorization": f"Bearer {text}"} if text else {}) | ({"X-Orchestrator-ID": HOLDER.name} if text == API_KEY else {})
