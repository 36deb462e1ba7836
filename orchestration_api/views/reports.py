"""What the holder of a job says of it."""

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from jobs import leases, lifecycle, logs
from jobs.lifecycle import Status
from jobs.outcomes import Report, judge
from jobs.transitions import Ruling, Step, apply, apply_one
from orchestration_api import times
from orchestration_api.exceptions import WireError
from orchestration_api.fields import WireSerializer
from orchestration_api.serializers import (
    ENDINGS,
    Acknowledgement,
    Completion,
    Failure,
    LogEntries,
    LogLineOut,
    Release,
    Renewal,
    StatusReport,
)
from orchestration_api.views.base import MachineViewSet
from orchestration_api.views.queue import lease_of

# Where a verdict must never be lost for its bytes.
_LENIENT = ("output", "error", "message", "line")
_EXTRAS = {"metrics": "metrics", "artifacts": "artifacts", "script_output": "scriptOutput", "condition": "condition"}


class ReportViewSet(MachineViewSet):
    """`/jobs/{id}/acknowledge`, `status`, `complete`, `fail`, `release`, `lease/renew`, `logs`."""

    def acknowledge(self, request: Request, job_id: str) -> Response:
        fields = self._read(Acknowledgement, required=False)
        ruling = self._report("acknowledge", fields, Step(job_id=self.job_id(), action="acknowledge"))
        answer = self.answer(ruling)
        lease = lease_of(ruling.known_job)
        answer.data["lease"] = lease | {"renewalToken": lease["token"]}
        return answer

    def status(self, request: Request, job_id: str) -> Response:
        fields = self._read(StatusReport)
        word, details = fields["status"], fields.get("details", {})
        if word == "acknowledged":
            return self.answer(self._report("acknowledge", fields, Step(job_id=self.job_id(), action="acknowledge")))
        if word == "preparing":
            return self._note(fields, {"phase": "preparing", **details})
        if word == Status.RUNNING:
            answer = self.answer(self._report("status", fields, Step(job_id=self.job_id(), action="start", reason=details.get("message"))))
            if {"phase", "progress"} & details.keys():
                self._note(fields, details)
            return answer
        if word in (Status.QUEUED, Status.CLAIMED):
            raise self._no_way_to(word, fields)
        if word not in ENDINGS:
            known = ("acknowledged", "preparing", "running", *ENDINGS)
            raise WireError(
                "VALIDATION_INVALID_PARAMS", f"status must be one of {', '.join(known)}.", fields={"status": [f"{word!r} is not known"]}
            )
        return self._end("status", fields, details | {"status": word})

    def complete(self, request: Request, job_id: str) -> Response:
        fields = self._read(Completion)
        return self._end("complete", fields, fields)

    def fail(self, request: Request, job_id: str) -> Response:
        fields = self._read(Failure)
        return self._end("fail", fields, fields | {"status": "failed"})

    def release(self, request: Request, job_id: str) -> Response:
        fields = self._read(Release, required=False)
        return self.answer(self._report("release", fields, Step(job_id=self.job_id(), action="release", reason=fields.get("message"))))

    def renew(self, request: Request, job_id: str) -> Response:
        fields = self._read(Renewal)
        holder = self.holder()
        job = self.job()
        epoch = self.epoch({"lease_token": fields["renewal_token"]}, job.id, holder)
        if not leases.renew(
            job.id, by=holder, epoch=epoch or leases.FORGED, seconds=fields.get("extension_seconds"), progress=fields.get("progress")
        ):
            raise self._refusal_of_holder(epoch)
        job.refresh_from_db()
        lease = lease_of(job)
        told = {"success": True, "lease": lease | {"renewalToken": lease["token"]}, "timestamp": times.written(times.now())}
        return Response(told | {"nextAction": "cancel" if job.cancel_requested_at else "continue"} | self.remarks())

    def append_logs(self, request: Request, job_id: str) -> Response:
        fields = self._read(LogEntries)
        holder = self.holder()
        epoch = self.epoch(fields, self.job_id(), holder)
        job = self.job()
        entries = [{"stated_at": times.written(entry.pop("timestamp", None)), **entry} for entry in fields["entries"]]
        stored = logs.append(job.id, entries, by=holder, epoch=epoch)
        if stored is None:
            raise self._refusal_of_holder(epoch)
        told = {
            "success": True,
            "stored": stored.stored,
            "duplicates": stored.duplicates,
            "nextSequence": stored.next_sequence,
            "nextAction": stored.next_action,
        }
        return Response(told | self.remarks())

    def read_logs(self, request: Request, job_id: str) -> Response:
        limits = {"epoch": (0, 2**31 - 1), "after": (-1, 2**63 - 1), "limit": (1, 10_000)}
        asked = {name: _number(request, name, *limits[name]) for name in limits}
        stream = request.query_params.get("stream")
        if stream not in (None, "stdout", "stderr", "system"):
            raise WireError("VALIDATION_INVALID_PARAMS", "stream must be stdout, stderr or system.", fields={"stream": ["is not known"]})
        lines = logs.read(self.job().id, epoch=asked["epoch"], after=asked["after"], stream=stream, limit=asked["limit"] or 1000)
        return Response({"entries": LogLineOut(lines, many=True).data, "nextAfter": lines[-1].sequence if lines else asked["after"]})

    # --- what they share --------------------------------------------------------------------------------------------

    def _read(self, shape: type[WireSerializer], *, required: bool = True) -> dict[str, Any]:
        self.parse(required=required, lenient=_LENIENT)
        self.holder()  # An identity that can't be is told before a field that can't be.
        return self.validate(shape)

    def _report(self, operation: str, fields: dict[str, Any], step: Step) -> Ruling:
        holder = self.holder()
        signed = {
            "epoch": self.epoch(fields, step.job_id, holder),
            "digest": self.digest(operation, holder),
            "stated_at": self.stated_at(fields),
            "expected_updated_at": fields.get("expected_updated_at"),
        }
        return apply_one(Step(**(vars(step) | signed)), by=holder)

    def _end(self, operation: str, fields: dict[str, Any], told: Mapping[str, Any]) -> Response:
        report = Report(
            **{name: told[name] for name in _REPORTED if name in told},
            extras={wire: told[name] for name, wire in _EXTRAS.items() if name in told}
            | ({"items": dict(told["items"])} if "items" in told else {}),
        )
        return self.answer(self._report(operation, fields, Step.ending(judge(report), job_id=self.job_id())))

    def _note(self, fields: dict[str, Any], details: Mapping[str, Any]) -> Response:
        """Phase and progress: stored, never a step of the job's life."""
        holder = self.holder()
        job = self.job()
        epoch = self.epoch(fields, job.id, holder)
        if not leases.note_progress(job.id, by=holder, epoch=epoch, phase=details.get("phase"), progress=details.get("progress")):
            raise self._refusal_of_holder(epoch)
        job.refresh_from_db()
        return self.answer(Ruling(step_id=job.id, verdict="applied", act="progress", was=Status(job.status), cause=None, job=job))

    def _no_way_to(self, word: str, fields: dict[str, Any]) -> lifecycle.TransitionRefused:
        """Back to queued leads only a release; claimed leads only a claim."""
        job = self.job()
        message = f"Job {job.id} is {job.status}: a report can't make it {word}. To give it back, release it."
        return lifecycle.InvalidTransition(message, job_id=job.id, status=Status(job.status), requested=word, job=job)

    def _refusal_of_holder(self, epoch: int | None) -> lifecycle.TransitionRefused | WireError:
        """Why the caller does not hold the job: the door's own judgement, asked for a step that changes nothing."""
        holder = self.holder()
        (ruling,) = apply([Step(job_id=self.job_id(), action="hold", epoch=epoch)], by=holder)
        if ruling.verdict == "invalid_transition":
            return WireError("CONFLICT", "The job has just changed. Send the same request again.")
        return ruling.refusal("hold")


_REPORTED = ("status", "exit_code", "error", "output", "category", "message", "retryable", "retry_after_seconds")


def _number(request: Request, name: str, least: int, most: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise WireError(
            "VALIDATION_INVALID_PARAMS", f"{name} must be a whole number from {least} to {most}.", fields={name: ["out of range"]}
        )
    return int(text)
