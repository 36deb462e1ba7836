"""jobsite's wire contract, one method an endpoint. Usable on its own: `Client(url=…, token=…, orchestrator_id=…).claim(…)`."""

import itertools
import json
import logging
import random
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote, urlsplit

import httpx2

log = logging.getLogger(__name__)

Json = dict[str, Any]

BASE_PATH = "/api/internal"
READ_SECONDS = 30.0  # The server lets a report wait 20 s for its database before it answers 503.
LONGEST_PAUSE_SECONDS = 15.0
LONGEST_RETRY_AFTER_SECONDS = 60.0


class Refused(Exception):
    """The server has answered, and the same request will not do better: a 4xx."""

    def __init__(self, *, status: int, code: str, message: str, details: Json) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.details = status, code, details

    @property
    def abandon(self) -> bool:
        """Whether the server says that the job is ours no more."""
        return bool(self.details.get("nextAction") == "abandon")


class Unavailable(Exception):
    """No answer, or one that asks to come again: a network error, 429 or 5xx. What was asked may have been done all the same."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def pause_before(attempt: int, *, retry_after: float | None = None) -> float:
    """How many seconds to wait before the next try: exponential from 0.25 s to 15 s with half of it random, never less than was asked for.

    Args:
        attempt: how many tries have failed before this one failed, 0 at first.
        retry_after: what the server's `Retry-After` said, in seconds.
    """
    full = min(LONGEST_PAUSE_SECONDS, 0.5 * 2 ** min(attempt, 16))
    pause = random.uniform(full / 2, full)  # noqa: S311 - jitter is no secret.
    return max(pause, min(retry_after or 0.0, LONGEST_RETRY_AFTER_SECONDS))


class Client:
    """A connection to one jobsite as one orchestrator. Thread-safe. Answers are the server's JSON as it stands.

    Each method raises Refused for an answer that is final, and Unavailable when `retry_seconds` (0: one try) have brought no answer.
    """

    def __init__(self, *, url: str, token: str, orchestrator_id: str, closing: threading.Event | None = None) -> None:
        """Args: `closing` ends all waiting between tries as soon as it is set."""
        self._closing = closing or threading.Event()
        self._clock_offset = timedelta()
        local = urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
        self._http = httpx2.Client(
            base_url=url + BASE_PATH,
            headers={"Authorization": f"Bearer {token}", "X-Orchestrator-ID": orchestrator_id, "User-Agent": "jobsite-orchestrator"},
            timeout=httpx2.Timeout(READ_SECONDS, connect=5.0),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=60.0),
            trust_env=not local,  # A proxy from the environment can't reach this machine's own loopback.
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def claim(
        self,
        *,
        batch_size: int,
        claim_id: str,
        job_types: Sequence[str] = (),
        labels: Sequence[str] = (),
        wait: int = 0,
        retry_seconds: float = 0,
    ) -> Json:
        """Claim up to `batch_size` jobs, waiting up to `wait` s for work. The same `claim_id` again brings a lost answer back.

        Args:
            job_types: only these; none leaves it to the server's record.
            labels: what is to be had here, all of it: jobs that require anything else go to others.
        """
        body: Json = {"batchSize": batch_size, "claimId": claim_id, "wait": wait, "labels": list(labels)}
        if job_types:
            body["jobTypes"] = list(job_types)
        return self._send("POST", "/jobs/claim", body, retry_seconds=retry_seconds, read_seconds=wait + READ_SECONDS)

    def acknowledge(self, job_id: str, *, lease_token: str, retry_seconds: float = 0) -> Json:
        """Say that the claim has arrived, which makes its lease longer."""
        return self._report("POST", job_id, "acknowledge", {}, lease_token, retry_seconds)

    def start(self, job_id: str, *, lease_token: str, retry_seconds: float = 0) -> Json:
        """Say that the work begins."""
        return self._report("PUT", job_id, "status", {"status": "running"}, lease_token, retry_seconds)

    def complete(self, job_id: str, report: Json, *, lease_token: str, retry_seconds: float = 0) -> Json:
        """Say how the work ended; `report` as in the contract's section 4."""
        return self._report("POST", job_id, "complete", report, lease_token, retry_seconds)

    def fail(self, job_id: str, report: Json, *, lease_token: str, retry_seconds: float = 0) -> Json:
        """Say that the work failed; `report` as in the contract's section 4, with an `error`."""
        return self._report("POST", job_id, "fail", report, lease_token, retry_seconds)

    def release(self, job_id: str, *, message: str, lease_token: str, retry_seconds: float = 0) -> Json:
        """Give the job back unfinished; it is queued again and no attempt is counted."""
        return self._report("POST", job_id, "release", {"message": message}, lease_token, retry_seconds)

    def send_logs(self, job_id: str, entries: Sequence[Json], *, lease_token: str, retry_seconds: float = 0) -> Json:
        """Send log lines `{sequence, stream, line, timestamp}`; a sequence sent before is not stored again."""
        return self._send("POST", _job_path(job_id, "logs"), {"entries": entries}, lease_token=lease_token, retry_seconds=retry_seconds)

    def orphaned(self, *, retry_seconds: float = 0) -> list[Json]:
        """All jobs that this orchestrator holds, as the server sees it, each with its lease."""
        # The one answer that is a bare list.
        return cast("list[Json]", self._send("GET", "/jobs/orphaned", retry_seconds=retry_seconds))

    def heartbeat(self, report: Json, *, retry_seconds: float = 0) -> Json:
        """Say what is running here; keeps the leases of the named jobs. `report` as in the contract's section 6."""
        return self._send("POST", "/orchestrator/heartbeat", report, stamp_body=True, retry_seconds=retry_seconds, read_seconds=10.0)

    def health(self) -> Json:
        """Whether the server and its database are well, and take our token: the answer says so, or there is none."""
        return self._send("GET", "/orchestrator/health", read_seconds=5.0)

    def _report(self, method: str, job_id: str, verb: str, body: Json, lease_token: str, retry_seconds: float) -> Json:
        path = _job_path(job_id, verb)
        return self._send(method, path, body, lease_token=lease_token, stamp_body=True, retry_seconds=retry_seconds)

    def _send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        lease_token: str | None = None,
        stamp_body: bool = False,
        retry_seconds: float = 0,
        read_seconds: float = READ_SECONDS,
    ) -> Json:
        call = _Call(method, path, body, {"X-Request-ID": uuid.uuid4().hex}, stamp_body, read_seconds)
        if lease_token is not None:
            call.headers["X-Lease-Token"] = lease_token
        give_up_at = time.monotonic() + retry_seconds
        for attempt in itertools.count():
            try:
                return self._try_with_right_clock(call)
            except Unavailable as problem:
                pause = pause_before(attempt, retry_after=problem.retry_after)
                if time.monotonic() + pause > give_up_at or self._closing.wait(pause):
                    raise
                log.info("%s %s: %s; trying again", method, path, problem)
        raise AssertionError("itertools.count() ended")

    def _try_with_right_clock(self, call: "_Call") -> Json:
        try:
            return self._try(call)
        except Refused as refusal:
            server_time = refusal.details.get("serverTime")
            if refusal.code != "TIMESTAMP_OUT_OF_RANGE" or not isinstance(server_time, str):
                raise
        # A verdict must not be lost because this machine's clock is wrong: take the server's from now on, and try once more.
        self._clock_offset = datetime.fromisoformat(server_time) - datetime.now(UTC)
        log.warning("this machine's clock is wrong: the server says %s; stamping requests with the server's time", server_time)
        return self._try(call)

    def _try(self, call: "_Call") -> Json:
        # Stamped anew on each try: it says when this request was sent, and an old one would be refused.
        timestamp = (datetime.now(UTC) + self._clock_offset).isoformat(timespec="microseconds").replace("+00:00", "Z")
        headers = call.headers | {"X-Request-Timestamp": timestamp}
        content = None
        if call.body is not None:
            body = call.body | {"timestamp": timestamp} if call.stamp_body else call.body
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            headers["Content-Type"] = "application/json"
        timeout = httpx2.Timeout(READ_SECONDS, connect=5.0, read=call.read_seconds)
        try:
            answer = self._http.request(call.method, call.path, content=content, headers=headers, timeout=timeout)
        except httpx2.TransportError as problem:
            raise Unavailable(f"{type(problem).__name__}: {problem}") from problem
        return _read(answer)


@dataclass(frozen=True)
class _Call:
    """One logical request, the same on each try but for its time."""

    method: str
    path: str
    body: Json | None
    headers: dict[str, str]
    stamp_body: bool
    read_seconds: float


def _job_path(job_id: str, verb: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}/{verb}"


def _read(answer: httpx2.Response) -> Json:
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Unavailable(f"the server answered {answer.status_code}", retry_after=_retry_after(answer))
    try:
        content: Any = answer.json()
    except ValueError as problem:
        if answer.is_success:
            # Not jobsite's words: something in between answered in its place.
            raise Unavailable(f"the server answered {answer.status_code} with something that is no JSON") from problem
        content = None
    if answer.is_success:
        return cast("Json", content)
    error = content.get("error") if isinstance(content, dict) else None
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    raise Refused(
        status=answer.status_code,
        code=str(error.get("code", "UNKNOWN")),
        message=str(error.get("message", answer.reason_phrase)),
        details=details if isinstance(details, dict) else {},
    )


def _retry_after(answer: httpx2.Response) -> float | None:
    word = answer.headers.get("Retry-After", "")
    return float(word) if word.isascii() and word.isdigit() else None
