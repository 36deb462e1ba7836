"""From a request to its answer: who speaks, when, and of what."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestrator.conformance.site.clock import read, written
from orchestrator.conformance.site.errors import Refusal
from orchestrator.conformance.site.jobs import ADDED_LATER
from orchestrator.conformance.site.reports import check_fields, receive
from orchestrator.conformance.site.requests import Json, Report, Request
from orchestrator.conformance.site.site import Site

IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,128}")
TOLERANCE_SECONDS = 300.0
MOST_IN_A_BATCH = 500
_METHODS = {
    "/jobs/claim": {"POST"},
    "/jobs/queue": {"GET"},
    "/jobs/orphaned": {"GET"},
    "/jobs/status": {"POST"},
    "/orchestrator/heartbeat": {"POST"},
    "/orchestrator/health": {"GET", "POST"},
    "/orchestrator/metrics": {"POST"},
    "/orchestrator/me": {"GET"},
}


class Door:
    """Answers requests for a site. The token is a shared key: it acts for any orchestrator, and lease tokens are optional for it."""

    def __init__(self, site: Site, *, token: str | None) -> None:
        """Args: `token`: the one that must be sent; None for the first that is."""
        self._site = site
        self._token = token

    def answer(self, request: Request) -> Any:
        """The body of a 200.

        Raises:
            Refusal: any other answer.
        """
        self._authenticate(request.headers.get("authorization", ""))
        methods = _METHODS.get(request.path) or ({"PUT"} if request.path.endswith("/status") else {"POST"})
        if request.meaning == request.path and request.path not in _METHODS:
            raise Refusal("RESOURCE_NOT_FOUND", "There is nothing at this address.")
        if request.method not in methods:
            raise Refusal("METHOD_NOT_ALLOWED", "This address does not take that method.")
        if request.problem is not None:
            raise Refusal("LENGTH_REQUIRED" if "chunked" in request.problem else "VALIDATION_INVALID_PARAMS", request.problem)
        if request.path == "/orchestrator/health" and request.method == "GET":
            return {
                "status": "healthy",
                "timestamp": written(self._site.clock.now()),
                "database": "connected",
                "version": "0",
                **ADDED_LATER,
            }
        by = orchestrator_of(request)
        for report in request.reports if request.meaning == "report" else ():
            check_fields(report)
        stated_at = self._stated_at(request)
        self._site.meet(by)
        return self._told(request, by, stated_at)

    def _authenticate(self, header: str) -> None:
        kind, _, token = header.partition(" ")
        if kind != "Bearer" or not token or token != (self._token or token):
            raise Refusal("AUTH_INVALID_TOKEN", "The token is not valid: send `Authorization: Bearer <token>`.")
        self._token = token

    def _told(self, request: Request, by: str, stated_at: datetime | None) -> Any:
        if request.meaning == "claim":
            return self._claim(request.claim or {}, by)
        if request.meaning == "orphaned":
            return self._site.orphaned(by)
        if request.meaning == "heartbeat":
            named = [{"jobId": each} if isinstance(each, str) else each for each in request.fields.get("runningJobs") or ()]
            return self._site.heartbeat(by, named) | ADDED_LATER
        if request.meaning == "batch":
            return self._batch(request, by, stated_at)
        if request.meaning == "report":
            return receive(self._site, request.reports[0], by=by, stated_at=stated_at)
        now = written(self._site.clock.now())
        if request.path == "/orchestrator/me":
            caller = {"orchestratorId": by, "name": "service", "scopes": ["orchestrate", "enqueue", "read", "manage"], "expiresAt": None}
            return {**caller, "timestamp": now, **ADDED_LATER}
        return {"success": True, "timestamp": now, **ADDED_LATER}

    def _stated_at(self, request: Request) -> datetime | None:
        if request.timestamp is None:
            return None
        try:
            moment = read(request.timestamp)
        except ValueError as problem:
            raise Refusal("VALIDATION_INVALID_PARAMS", f"timestamp: {problem}", fields={"timestamp": [str(problem)]}) from None
        if abs(self._site.clock.until(moment)) > TOLERANCE_SECONDS:
            message = f"The timestamp is more than {TOLERANCE_SECONDS:.0f} s from the server's time."
            raise Refusal("TIMESTAMP_OUT_OF_RANGE", message, serverTime=written(self._site.clock.now()))
        return moment

    def _claim(self, asked: Json, by: str) -> Json:
        types = asked.get("jobTypes") or ()
        return (
            self._site.claim(
                by,
                batch_size=_number(asked, "batchSize", 1, 500, default=10),
                wait=_number(asked, "wait", 0, 30, default=0),
                job_types=types.split(",") if isinstance(types, str) else types,
                claim_id=asked.get("claimId"),
            )
            | ADDED_LATER
        )

    def _batch(self, request: Request, by: str, stated_at: datetime | None) -> Json:
        if len(request.reports) > MOST_IN_A_BATCH:
            raise Refusal("VALIDATION_INVALID_PARAMS", f"At most {MOST_IN_A_BATCH} updates at once.", fields={"updates": ["too many"]})
        with self._site.changed:
            results = [self._item(report, by, stated_at, request.reports[:place]) for place, report in enumerate(request.reports)]
        applied = sum(result["ok"] for result in results)
        answer: Json = {"results": results, "applied": applied, "rejected": len(results) - applied, **ADDED_LATER}
        return answer if request.claim is None else answer | self._claim(request.claim, by)

    def _item(self, report: Report, by: str, stated_at: datetime | None, earlier: Sequence[Report]) -> Json:
        try:
            if any(each.job_id == report.job_id for each in earlier):
                raise Refusal("CONFLICT", "Another item of this batch is about the same job.")
            check_fields(report)
            answer = receive(self._site, report, by=by, stated_at=stated_at)
        except Refusal as refusal:
            next_action = refusal.details.get("nextAction", "continue")
            return {"jobId": report.job_id, "ok": False, "status": None, "nextAction": next_action, "error": refusal.told()}
        replayed = {"replayed": True} if answer.get("replayed") else {}
        return {"jobId": report.job_id, "ok": True, "status": answer["job"]["status"], "nextAction": answer["nextAction"], **replayed}


def orchestrator_of(request: Request) -> str:
    """Who speaks: by the header, or by the body where the header is missing.

    Raises:
        Refusal: no id, a malformed one, or two that disagree.
    """
    header, told = request.headers.get("x-orchestrator-id", ""), request.fields.get("orchestratorId")
    if header and told and header != told:
        raise Refusal("ORCHESTRATOR_MISMATCH", "X-Orchestrator-ID and the body's orchestratorId disagree.", header=header, body=told)
    name = header or told
    if not name:
        raise Refusal("ORCHESTRATOR_ID_REQUIRED", "Say who you are: send X-Orchestrator-ID.")
    if not isinstance(name, str) or not IDENTIFIER.fullmatch(name):
        raise Refusal("VALIDATION_INVALID_PARAMS", "An orchestrator id is 1 to 128 of A-Z a-z 0-9 . _ : -")
    return name


def _number(asked: Json, name: str, least: int, most: int, *, default: int) -> int:
    value = asked.get(name, default)
    value = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refusal("VALIDATION_INVALID_PARAMS", f"{name} must be {least} to {most}.", fields={name: ["out of range"]})
    return value
