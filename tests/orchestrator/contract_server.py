"""A small server that plays the contract to the orchestrator, and misbehaves on demand."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
TOKEN = "a-service-key-of-enough-characters"
BASE = "/api/internal"
FINISHED = {"completed", "failed", "cancelled"}


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json
    at: float = field(default_factory=time.monotonic)


@dataclass
class Fault:
    """What to do instead of the right thing, `times` times, to requests whose path ends so.

    Kinds: `lost` does the right thing and drops the answer, `drop` drops the request, `slow` waits `seconds` first, a number is the status
    to answer with.
    """

    path_end: str
    kind: str | int
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    error: Json = field(default_factory=dict)
    seconds: float = 0.0


class ContractServer:
    """The server's state; `url` once it is entered as a context."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.jobs: dict[str, Json] = {}
        self.logs: dict[str, dict[int, Json]] = {}
        self.reports: dict[str, list[tuple[str, Json]]] = {}
        self.cancels: set[str] = set()
        self.abandons: set[str] = set()
        self.progress: dict[str, list[Json]] = {}
        self.claims: dict[str, list[str]] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.heartbeat_seconds = 30

    def __enter__(self) -> "ContractServer":
        handler = type("BoundHandler", (_Handler,), {"contract": self})
        self._http = _HttpServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def enqueue(self, kind: str = "BASH", content: str = "true", *, timeout: int = 60, payload: object = None, **more: object) -> str:
        """Add a job; returns its id."""
        with self.lock:
            job_id = f"job_{len(self.jobs):04d}"
            self.jobs[job_id] = {
                "id": job_id,
                "type": "test",
                "status": "queued",
                "payload": {"script": {"type": kind, "content": content}, **more} if payload is None else payload,
                "attempts": 0,
                "epoch": 0,
                "timeoutSeconds": timeout,
            }
            return job_id

    def wait_for(self, found: Callable[[], object], *, seconds: float = 15.0) -> None:
        """Wait until `found` is true; fails the test when that takes too long."""
        until = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < until, f"did not happen in {seconds} s; jobs: {self.jobs}"
            time.sleep(0.02)

    def wait_for_end(self, job_id: str, *, seconds: float = 20.0) -> Json:
        """Wait for a job's end and for its last log lines' arrival; returns the report that ended it."""
        self.wait_for(lambda: self.jobs[job_id]["status"] in FINISHED, seconds=seconds)
        return self.reports[job_id][-1][1]

    def wait_for_status(self, job_id: str, status: str, *, seconds: float = 15.0) -> None:
        self.wait_for(lambda: self.jobs[job_id]["status"] == status, seconds=seconds)

    def verbs(self, job_id: str) -> list[str]:
        """The reports that were accepted for a job, in order."""
        return [verb for verb, _ in self.reports.get(job_id, [])]

    def lines(self, job_id: str, stream: str = "stdout") -> list[str]:
        """The log lines that arrived, by sequence."""
        entries = self.logs.get(job_id, {})
        return [entries[sequence]["line"] for sequence in sorted(entries) if entries[sequence]["stream"] == stream]

    def sent(self, path_end: str) -> list[Request]:
        """The requests to one endpoint."""
        with self.lock:
            return [request for request in self.requests if request.path.endswith(path_end)]

    def fault_for(self, request: Request) -> Fault | None:
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                if fault.times > 0 and request.path.endswith(fault.path_end):
                    fault.times -= 1
                    return fault
            return None

    def answer(self, request: Request) -> tuple[int, Any]:
        """Do what the contract says."""
        path = request.path.removeprefix(BASE)
        if path == "/jobs/claim":
            return self._claim(request)
        with self.lock:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return _error(401, "AUTH_INVALID_TOKEN")
            if path == "/jobs/orphaned":
                held = [job for job in self.jobs.values() if job["status"] in {"claimed", "running"}]
                return 200, [self._with_lease(job) for job in held]
            if path == "/orchestrator/health":
                return 200, {"status": "healthy", "timestamp": _time(0), "database": "connected", "version": "0"}
            if path == "/orchestrator/heartbeat":
                return self._heartbeat(request)
            found = re.fullmatch(r"/jobs/([^/]+)/(\w+)", path)
            if found is None or found[1] not in self.jobs:
                return _error(404, "JOB_NOT_FOUND")
            return self._report(self.jobs[found[1]], found[2], request)

    def _claim(self, request: Request) -> tuple[int, Any]:
        until = time.monotonic() + request.body.get("wait", 0)
        while True:
            with self.lock:
                again = self.claims.get(request.body["claimId"], [])
                taken = [self.jobs[job_id] for job_id in again if self.jobs[job_id]["status"] in {"claimed", "running"}]
                if not taken:
                    taken = [job for job in self.jobs.values() if job["status"] == "queued"][: request.body["batchSize"]]
                    for job in taken:
                        job["status"] = "claimed"
                        job["epoch"] += 1
                    self.claims[request.body["claimId"]] = [job["id"] for job in taken]
                if taken or time.monotonic() >= until:
                    metadata = {"timestamp": _time(0), "nextPollAfter": _time(0 if taken else 0.2), "queueSize": 0}
                    return 200, {"jobs": [self._with_lease(job) for job in taken], "count": len(taken), "metadata": metadata}
            time.sleep(0.02)

    def _with_lease(self, job: Json) -> Json:
        return {
            **job,
            "lease": {"token": f"{job['epoch']}.{job['id']}", "expiresAt": _time(60), "heartbeatSeconds": self.heartbeat_seconds},
        }

    def _heartbeat(self, request: Request) -> tuple[int, Any]:
        named = {each["jobId"]: each for each in request.body["runningJobs"]}
        held = {job["id"] for job in self.jobs.values() if job["status"] in {"claimed", "running"}} - self.abandons
        for job_id, each in named.items():
            if "progress" in each and self.progress.setdefault(job_id, [])[-1:] != [each["progress"]]:
                self.progress[job_id].append(each["progress"])
        return 200, {
            "success": True,
            "timestamp": _time(0),
            "leases": [],
            "cancel": sorted(self.cancels & held),
            "abandon": sorted(set(named) - held),
            "unreported": sorted(held - set(named)),
        }

    def _report(self, job: Json, verb: str, request: Request) -> tuple[int, Any]:
        if request.headers.get("x-lease-token") != f"{job['epoch']}.{job['id']}" or job["id"] in self.abandons:
            return _error(409, "LEASE_LOST", {"nextAction": "abandon"})
        if verb == "logs":
            stored = self.logs.setdefault(job["id"], {})
            for entry in request.body["entries"]:
                stored.setdefault(entry["sequence"], entry)
            return 200, {"success": True, "nextAction": self._next_action(job)}
        goal = {"acknowledge": job["status"], "status": "running", "complete": "completed", "fail": "failed", "release": "queued"}[verb]
        if verb == "complete" and request.body.get("status") == "cancelled":
            goal = "cancelled"
        if job["status"] in FINISHED:
            if self.reports[job["id"]][-1] == (verb, _timeless(request.body)):
                return 200, {"success": True, "replayed": True, "job": job, "nextAction": "continue"}
            return _error(409, "ALREADY_FINISHED", {"nextAction": "abandon"})
        job["status"] = goal
        self.reports.setdefault(job["id"], []).append((verb, _timeless(request.body)))
        lease = {"token": request.headers["x-lease-token"], "expiresAt": _time(300), "heartbeatSeconds": self.heartbeat_seconds}
        return 200, {"success": True, "job": job, "lease": lease, "nextAction": self._next_action(job)}

    def _next_action(self, job: Json) -> str:
        return "cancel" if job["id"] in self.cancels and job["status"] not in FINISHED else "continue"


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take it calmly when a killed orchestrator does not wait for its answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    contract: ContractServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path.split("?")[0], headers, body)
        fault = self.contract.fault_for(request)
        if fault is not None and isinstance(fault.kind, int):
            self._send(fault.kind, {"error": {"code": "FAULT", "message": "on purpose", "details": {}, **fault.error}}, fault.headers)
            return
        if fault is not None and fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault is None or fault.kind != "drop":
            status, answer = self.contract.answer(request)
        if fault is not None and fault.kind in {"drop", "lost"}:
            self.close_connection = True
            return
        self._send(status, answer, {})

    do_GET = do_POST = do_PUT = _serve

    def _send(self, status: int, answer: object, headers: dict[str, str]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at the requests themselves."""


def _error(status: int, code: str, details: Json | None = None) -> tuple[int, Json]:
    return status, {"error": {"code": code, "message": code, "details": details or {}, "timestamp": _time(0), "traceId": "t"}}


def _timeless(body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "timestamp"}


def _time(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
