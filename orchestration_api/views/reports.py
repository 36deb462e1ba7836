"""What the holder of a job says of it."""

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from jobs import leases, lifecycle, logs, times
from jobs.actors import Holder
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.outcomes import Report, judge
from jobs.transitions import Ruling, Step, apply, apply_one
from orchestration_api import queries
from orchestration_api.exceptions import WireError
from orchestration_api.fields import WireSerializer
from orchestration_api.renderers import most_bytes
from orchestration_api.representations import LogLineOut
from orchestration_api.serializers import Acknowledgement, Completion, Failure, LogEntries, Release, Renewal, StatusReport
from orchestration_api.views.base import MachineViewSet
from orchestration_api.views.queue import lease_of

# Where a verdict must never be lost for its bytes.
_WORDS = ("output", "error", "message")
_LENIENT = frozenset({*((name,) for name in _WORDS), *(("details", name) for name in _WORDS), ("entries", "*", "line")})
_EXTRAS = {"metrics": "metrics", "artifacts": "artifacts", "script_output": "scriptOutput", "condition": "condition"}


class ReportViewSet(MachineViewSet):
    """`/jobs/{id}/acknowledge`, `status`, `complete`, `fail`, `release`, `lease/renew`, `logs`."""

    def acknowledge(self, request: Request, job_id: str) -> Response:
        fields = self._read(Acknowledgement, required=False)
        ruling = self._report("acknowledge", fields, Step(job_id=self.job_id(), action="acknowledge"))
        answer = self.answer(ruling)
        # Who sends an old report again may hold the job no more: a lease is told only to the one who was judged its holder now.
        if ruling.verdict != "replayed":
            lease = lease_of(ruling.known_job)
            answer.data["lease"] = lease | {"renewalToken": lease["token"]}
        return answer

    def status(self, request: Request, job_id: str) -> Response:
        fields = self._read(StatusReport)
        word, details = fields["status"], fields.get("details", {})
        if word == "acknowledged":
            return self.answer(self._report("acknowledge", fields, Step(job_id=self.job_id(), action="acknowledge")))
        if word == "preparing":
            return self._prepare(fields, details)
        if word == Status.RUNNING:
            return self._start(fields, details)
        if word in (Status.QUEUED, Status.CLAIMED):
            raise self._no_way_to(word, self._held(fields))
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
        held = self._held(fields)
        # Told from the row that was renewed: read again, it might be somebody else's claim by now, and with it their token.
        job = leases.renew(
            held.id, by=self.holder(), epoch=held.epoch, seconds=fields.get("extension_seconds"), progress=fields.get("progress")
        )
        if job is None:
            raise self._just_lost(fields)
        lease = lease_of(job)
        told = {"success": True, "lease": lease | {"renewalToken": lease["token"]}, "timestamp": times.written(times.now())}
        return Response(told | {"nextAction": "cancel" if job.cancel_requested_at else "continue"} | self.remarks())

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
            return Response({"epoch": None, "entries": [], "nextAfter": asked["after"]})
        lines = logs.read(job_id, epoch=epoch, after=asked["after"], stream=stream, limit=asked["limit"] or 1000, most_bytes=most_bytes())
        entries = LogLineOut(lines, many=True).data
        return Response({"epoch": epoch, "entries": entries, "nextAfter": lines[-1].sequence if lines else asked["after"]})

    # --- what they share --------------------------------------------------------------------------------------------

    def _read(self, shape: type[WireSerializer], *, required: bool = True) -> dict[str, Any]:
        self.parse(required=required, lenient=_LENIENT)
        self.holder()  # An identity that can't be is told before a field that can't be.
        return self.validate(shape)

    def _report(self, operation: str, fields: dict[str, Any], step: Step) -> Ruling:
        holder = self.holder()
        signed = self._signature(fields, step.job_id, holder) | {"digest": self.digest(operation, holder)}
        return apply_one(Step(**(vars(step) | signed)), by=holder)

    def _held(self, fields: dict[str, Any]) -> Job:
        """The job in the address, which the caller holds; without payload and result.

        Raises:
            TransitionRefused: it does not, or the job has changed: the door's own judgement, asked for a step that changes nothing.
        """
        holder = self.holder()
        (ruling,) = apply([Step(job_id=self.job_id(), action="hold", **self._signature(fields, self.job_id(), holder))], by=holder)
        # The last of the door's checks: everything before it was passed.
        if ruling.verdict != "invalid_transition":
            raise ruling.refusal("hold")
        return ruling.known_job

    def _signature(self, fields: dict[str, Any], job_id: str, holder: Holder) -> dict[str, Any]:
        """By what the door tells which claim a report speaks of, and of which state of the job."""
        return {
            "epoch": self.epoch(fields, job_id, holder),
            "stated_at": self.stated_at(fields),
            "expected_updated_at": fields.get("expected_updated_at"),
        }

    def _just_lost(self, fields: dict[str, Any]) -> WireError:
        """Why a job can't be written to that was still held a moment ago."""
        self._held(fields)
        return WireError("CONFLICT", "The job has just changed. Send the same request again.")

    def _start(self, fields: dict[str, Any], details: Mapping[str, Any]) -> Response:
        ruling = self._report("status", fields, Step(job_id=self.job_id(), action="start", reason=details.get("message")))
        if ruling.verdict != "replayed" and {"phase", "progress"} & details.keys():
            # The start is made. Should the job be lost before its phase is written, the row says so.
            self._note(ruling.known_job, details)
        return self.answer(ruling)

    def _prepare(self, fields: dict[str, Any], details: Mapping[str, Any]) -> Response:
        job = self._held(fields)
        was = Status(job.status)
        if not self._note(job, {"phase": "preparing", **details}):
            raise self._just_lost(fields)
        return self.answer(Ruling(step_id=job.id, verdict="applied", act="progress", was=was, cause=None, job=job))

    def _note(self, job: Job, details: Mapping[str, Any]) -> bool:
        """Phase and progress: stored, never a step of the job's life. Brings the job up to date, whether or not they were taken."""
        noted = leases.note_progress(
            job.id, by=self.holder(), epoch=job.epoch, phase=details.get("phase"), progress=details.get("progress")
        )
        job.refresh_from_db()
        return noted

    def _end(self, operation: str, fields: dict[str, Any], told: Mapping[str, Any]) -> Response:
        report = Report(
            **{name: told[name] for name in _REPORTED if name in told},
            extras={wire: told[name] for name, wire in _EXTRAS.items() if name in told}
            | ({"items": dict(told["items"])} if "items" in told else {}),
        )
        return self.answer(self._report(operation, fields, Step.ending(judge(report), job_id=self.job_id())))

    def _no_way_to(self, word: str, job: Job) -> lifecycle.TransitionRefused:
        """Back to queued leads only a release; claimed leads only a claim."""
        message = f"Job {job.id} is {job.status}: a report can't make it {word}. To give it back, release it."
        return lifecycle.InvalidTransition(message, job_id=job.id, status=Status(job.status), requested=word, job=job)


_REPORTED = ("status", "exit_code", "error", "output", "category", "message", "retryable", "retry_after_seconds")
