"""What the holder of a job says of it."""

from typing import Any

import msgspec
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import leases, logs, progress, times
from jobs.actors import Holder
from jobs.lifecycle import HOLD
from jobs.models import Scope
from jobs.transitions import Ruling, Step, apply_one
from orchestration_api import queries, reporting
from orchestration_api.exceptions import WireError
from orchestration_api.permissions import opened_by
from orchestration_api.renderers import most_bytes
from orchestration_api.reporting import Operation
from orchestration_api.representations import LogLineOut
from orchestration_api.serializers import LogEntries, Renewal
from orchestration_api.shapes import WireSerializer
from orchestration_api.views.queue import lease_of
from orchestration_api.views.repeatable import RepeatableViewSet

_LENIENT = reporting.LENIENT | {("entries", "*", "line")}


class ReportViewSet(RepeatableViewSet):
    """`/jobs/{id}/acknowledge`, `status`, `complete`, `fail`, `release`, `lease/renew`, `logs`."""

    asks_for_time = True

    @opened_by(Scope.ORCHESTRATE)
    def acknowledge(self, request: Request, job_id: str) -> Response:
        ruling = self._report(reporting.ACKNOWLEDGE, required=False)
        answer = self.answer(ruling)
        # Who sends an old report again may hold the job no more: a lease is told only to the one who was judged its holder now.
        if ruling.verdict != "replayed":
            lease = lease_of(ruling.known_job)
            answer.data["lease"] = lease | {"renewalToken": lease["token"]}
        return answer

    @opened_by(Scope.ORCHESTRATE)
    def status(self, request: Request, job_id: str) -> Response:
        return self.answer(self._report(reporting.STATUS))

    @opened_by(Scope.ORCHESTRATE)
    def complete(self, request: Request, job_id: str) -> Response:
        return self.answer(self._report(reporting.COMPLETE))

    @opened_by(Scope.ORCHESTRATE)
    def fail(self, request: Request, job_id: str) -> Response:
        return self.answer(self._report(reporting.FAIL))

    @opened_by(Scope.ORCHESTRATE)
    def release(self, request: Request, job_id: str) -> Response:
        return self.answer(self._report(reporting.RELEASE, required=False))

    @opened_by(Scope.ORCHESTRATE)
    def renew(self, request: Request, job_id: str) -> Response:
        fields = self._read(Renewal)
        hold = Step(job_id=self.job_id(), action=HOLD, **self._signature(fields, self.job_id(), self.holder()))
        # One transaction: the job stays the holder's while it is renewed. Only time can take it, between the two looks at the clock.
        with transaction.atomic():
            ruling = apply_one(hold, by=self.holder())
            job = leases.renew(
                hold.job_id,
                by=self.holder(),
                epoch=ruling.known_job.epoch,
                seconds=fields.get("extension_seconds"),
                progress=fields.get("progress"),
            )
        if job is None:
            raise msgspec.structs.replace(ruling, verdict="lease_expired").refusal(HOLD)
        lease = lease_of(job)
        told = {"success": True, "lease": lease | {"renewalToken": lease["token"]}, "timestamp": times.written(times.now())}
        return Response(told | {"nextAction": "cancel" if job.cancel_requested_at else "continue"} | self.remarks())

    @opened_by(Scope.ORCHESTRATE)
    def append_logs(self, request: Request, job_id: str) -> Response:
        fields = self._read(LogEntries)
        holder = self.holder()
        entries = [{"stated_at": times.written(entry.pop("timestamp", None)), **entry} for entry in fields["entries"]]
        stored = logs.append(self.job_id(), entries, by=holder, **self._signature(fields, self.job_id(), holder))
        told = {
            "success": True,
            "stored": stored.stored,
            "duplicates": stored.duplicates,
            "nextSequence": stored.next_sequence,
            "nextAction": stored.next_action,
        }
        return Response(told | self.remarks())

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def read_logs(self, request: Request, job_id: str) -> Response:
        """Lines of one run, the newest one unless `epoch` names another, so that `after` means one place only."""
        limits = {"epoch": (0, 2**31 - 1), "after": (-1, 2**63 - 1), "limit": (1, 10_000)}
        asked = {name: queries.whole(request, name, *limits[name], default=None) for name in limits}
        stream = request.query_params.get("stream")
        if stream not in (None, "stdout", "stderr", "system"):
            raise WireError("VALIDATION_INVALID_PARAMS", "stream must be stdout, stderr or system.", fields={"stream": ["is not known"]})
        job_id = self.known_id()
        epoch = asked["epoch"] if asked["epoch"] is not None else logs.newest_epoch(job_id)
        if epoch is None:
            return Response({"epoch": None, "entries": [], "gaps": [], "nextAfter": asked["after"]})
        lines = logs.read(job_id, epoch=epoch, after=asked["after"], stream=stream, limit=asked["limit"] or 1000, most_bytes=most_bytes())
        entries = LogLineOut(lines, many=True).data
        told = {"epoch": epoch, "entries": entries, "nextAfter": lines[-1].sequence if lines else asked["after"]}
        # Of one stream there are always some missing.
        return Response(told if stream else told | {"gaps": logs.gaps_between(lines, after=asked["after"])})

    # --- what they share --------------------------------------------------------------------------------------------

    def _read(self, shape: type[WireSerializer], *, required: bool = True) -> dict[str, Any]:
        self.parse(required=required, lenient=_LENIENT)
        self.holder()  # An identity that can't be is told before a field that can't be.
        return self.validate(shape)

    def _report(self, operation: Operation, *, required: bool = True) -> Ruling:
        fields = self._read(operation.shape, required=required)
        holder, job_id = self.holder(), self.job_id()
        signature = self._signature(fields, job_id, holder)
        asked = operation.asked(job_id, fields, body=self.body, orchestrator_id=holder.name, **signature)
        (ruling,) = progress.report([asked], by=holder)
        if ruling.is_refused:
            raise ruling.refusal(asked[0].action)
        return ruling

    def _signature(self, fields: dict[str, Any], job_id: str, holder: Holder) -> dict[str, Any]:
        """By what the door tells which claim a report speaks of, and of which state of the job."""
        return {
            "epoch": self.epoch(fields, job_id, holder),
            "stated_at": self.stated_at(fields),
            "expected_updated_at": fields.get("expected_updated_at"),
        }
