"""Claiming: where orchestrators get their work, and find again what they held."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import claiming, leases, pausing, times
from jobs.actors import Holder
from jobs.models import Job, Scope
from orchestration_api import waiting
from orchestration_api.execution import execution_of
from orchestration_api.permissions import opened_by
from orchestration_api.renderers import encoded, most_bytes
from orchestration_api.representations import JobSummary, JobWhole, Shape
from orchestration_api.serializers import ClaimRequest
from orchestration_api.shortening import fitting
from orchestration_api.views.base import MachineViewSet

# A held job is told in so many bytes if it must be, or not at all.
_LEAST_OF_A_JOB = 4096


class QueueViewSet(MachineViewSet):
    """`GET /jobs/queue`, `POST /jobs/claim`, `GET /jobs/orphaned`."""

    @opened_by(Scope.ORCHESTRATE)
    def claim_by_get(self, request: Request) -> Response:
        """Claims by a GET, as existing orchestrators do."""
        holder = self.holder()
        return Response(claim_for(holder, self.validate(ClaimRequest, _from_query(request)), ask_again=self.ask_token_again))

    @opened_by(Scope.ORCHESTRATE)
    def claim(self, request: Request) -> Response:
        self.parse(required=False)
        holder = self.holder()
        return Response(claim_for(holder, self.validate(ClaimRequest), ask_again=self.ask_token_again))

    @opened_by(Scope.ORCHESTRATE)
    def orphaned(self, request: Request) -> Response:
        """What the caller holds: what a restarted orchestrator needs to decide about each job. A bare list."""
        holder = self.holder()
        self.check_time_header()
        held = Job.objects.held_by(holder.name).order_by("claimed_at", "id")
        left = total = held.count()
        room, jobs = most_bytes(), []
        # In a transaction the server sends no more than is read: the jobs together may be gigabytes.
        with transaction.atomic():
            for job in held.iterator(chunk_size=10):
                told = _within(_leased(job, JobSummary), room // max(1, left))
                left -= 1
                room -= len(encoded(told)) + 1
                if room < 0:
                    break
                jobs.append(told)
        return Response(jobs, headers={"X-Total-Count": str(total)})


def claim_for(
    holder: Holder, fields: dict[str, Any], *, beside_bytes: int = 0, ask_again: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Claims, and tells what was won.

    Args:
        fields: of a ClaimTerms or ClaimRequest.
        beside_bytes: of the answer, taken already.
        ask_again: called before what was waited for is claimed: raises when the caller's token has ended meanwhile.
    """
    # A list that names none says as little as no list, as it does in a query and on the record.
    types: Sequence[str] | None = fields.get("job_types") or None
    # Of labels it does: it has none.
    labels: Sequence[str] | None = fields.get("labels")
    wanted, seconds = fields["batch_size"], fields.get("wait", 0)

    def claim_if_due() -> claiming.Claim | None:
        if not claiming.is_anything_due(types, labels, by=holder):
            return None
        if ask_again:
            ask_again()
        won = claim()
        return won if won.jobs else None

    def why_not() -> str | None:
        return pausing.reason_for(holder.name, types or claiming.types_on_record(holder.name))

    def claim() -> claiming.Claim:
        return claiming.claim(
            by=holder,
            batch_size=wanted,
            job_types=types,
            labels=labels,
            claim_id=fields.get("claim_id"),
            beside_bytes=beside_bytes,
        )

    claimed = claim()
    # Who is stopped is told so at once: it would only take up a place among those that wait.
    reason: str | None = None if claimed.jobs else why_not()
    if not claimed.jobs and not reason and seconds:
        # Others may wait for the same job: who loses it waits on.
        found, outcome = waiting.wait_for(claim_if_due, seconds=seconds)
        claimed = found or claimed
        # Claims may have been stopped while it waited.
        reason = "busy" if outcome == "busy" else None if found else why_not()
    size = claiming.queue_size(types, labels, by=holder, has_just_given=bool(claimed.jobs))
    return told_claim(claimed.jobs, pause_seconds=_pause(len(claimed.jobs), wanted, left=size), queue_size=size, reason=reason)


def told_claim(won: Sequence[Job], *, pause_seconds: float, queue_size: int, reason: str | None = None) -> dict[str, Any]:
    """A claim as it is answered."""
    metadata = {
        "timestamp": times.written(times.now()),
        "nextPollAfter": times.written(times.in_seconds(pause_seconds)),
        "queueSize": queue_size,
    }
    return {
        "jobs": [_leased(job, JobWhole) for job in won],
        "count": len(won),
        "metadata": metadata | ({"reason": reason} if reason else {}),
    }


def _leased(job: Job, shape: type[Shape]) -> dict[str, Any]:
    told = shape.of(job)
    told["lease"] = lease_of(job)
    execution = execution_of(job)
    # A claim counts each payload twice but for its first job's: a huge one is told once.
    if execution is not None and 2 * len(encoded(execution)) + len(encoded(job.metadata)) < most_bytes():
        told["execution"] = execution
    return told


def _within(told: dict[str, Any], share: int) -> dict[str, Any]:
    """A held job within its share of the answer: without `execution` if need be, then with its longest texts shortened."""
    if len(encoded(told)) > share:
        told.pop("execution", None)
    return fitting(told, most_bytes=max(share, _LEAST_OF_A_JOB), encode=encoded)


def lease_of(job: Job) -> dict[str, Any]:
    """The lease of a held job as claim, acknowledge, renew and orphaned tell it."""
    return {
        "token": leases.token_of(job),
        "expiresAt": times.in_answer(job.lease_expires_at),
        "heartbeatSeconds": max(1, settings.HEARTBEAT_LEASE_SECONDS // 3),
    }


def _pause(got: int, wanted: int, *, left: int) -> float:
    """Seconds until the next poll: none after a full batch, longer the emptier it came back, with jitter so that a fleet spreads.

    A batch that left something is a full one, however short: the answer had no more room, or a job goes alone.
    """
    if got >= wanted or (got and left):
        return 0.0
    return (1.0 if got > wanted // 2 else 2.0 if got else 5.0) * random.uniform(0.8, 1.2)  # noqa: S311  not a secret


def _from_query(request: Request) -> dict[str, Any]:
    """The query as the body of the POST would say it."""
    told: dict[str, Any] = {
        name: request.query_params[name] for name in ("batchSize", "jobTypes", "labels", "wait", "claimId") if name in request.query_params
    }
    for name in ("batchSize", "wait"):
        if name in told and told[name].isascii() and told[name].isdigit() and len(told[name]) < 10:
            told[name] = int(told[name])
    for name in ("jobTypes", "labels"):
        if name in told:
            told[name] = [word for word in told[name].split(",") if word]
    return told
