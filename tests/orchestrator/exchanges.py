"""Exchanges as the conformance kit records them, made up in few words. Jobs are named by the parts they play; all times are in seconds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.conformance.site.clock import written
from orchestrator.conformance.site.requests import Exchange, Json, Request

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ABANDON = {"error": {"code": "LEASE_LOST", "details": {"nextAction": "abandon"}}}
WRONG_TIME = {"error": {"code": "TIMESTAMP_OUT_OF_RANGE"}}


def exchange(at: float, path: str, body: Any = None, *, status: int | None = 200, told: Any = None, **more: Any) -> Exchange:
    """A request `at` seconds after the run's begin, answered at once."""
    method = "PUT" if path.endswith("/status") else "GET" if body is None else "POST"
    headers = {"x-orchestrator-id": more.pop("name", "o-1"), "x-lease-token": more.pop("token", "1.t")}
    request = Request(method, path, {}, {name: value for name, value in headers.items() if value}, body, None, at)
    asks = {"Retry-After": str(more.pop("retry_after"))} if "retry_after" in more else {}
    return Exchange(request, status, told if told is not None or status is None else {}, headers=asks, answered_at=at, **more)


def claim(at: float, *parts: str, pause: float = 0.0, lost: bool = False, claim_id: str = "c", **metadata: Any) -> Exchange:
    jobs = [{"id": part, "lease": {"token": "1.t", "expiresAt": moment(at + 10)}} for part in parts]
    told = {"jobs": jobs, "metadata": {"timestamp": moment(at), "nextPollAfter": moment(at + pause), **metadata}}
    answer = {"status": None, "lost": told} if lost else {"told": told}
    return exchange(at, "/jobs/claim", {"claimId": claim_id}, **answer)


def start(at: float, part: str, **more: Any) -> Exchange:
    return exchange(at, f"/jobs/{part}/status", {"status": "running"}, **more)


def end(at: float, part: str, said: Json | None = None, **more: Any) -> Exchange:
    return exchange(at, f"/jobs/{part}/complete", said or {"exitCode": 0}, **more)


def beat(at: float, *parts: str, told: Any = None) -> Exchange:
    running = [{"jobId": part, "leaseToken": "1.t"} for part in parts]
    return exchange(at, "/orchestrator/heartbeat", {"runningJobs": running}, told=told)


def lines(at: float, part: str, *lines: tuple[int, str], status: int | None = 200) -> Exchange:
    return exchange(at, f"/jobs/{part}/logs", {"entries": [{"sequence": n, "line": line} for n, line in lines]}, status=status)


def moment(seconds: float) -> str:
    return str(written(NOON + timedelta(seconds=seconds)))


def stamped(sent: Exchange, stamp: str) -> Exchange:
    request = replace(sent.request, body={**sent.request.fields, "timestamp": stamp})
    return replace(sent, request=request)
