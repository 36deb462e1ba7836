"""Making, reading and steering jobs."""

from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import logs, statistics, times
from jobs.enqueueing import MOST_AT_ONCE, NewJob, enqueue
from jobs.filters import JobFilterSet
from jobs.lifecycle import JobNotFound, Status
from jobs.models import Attempt, AuditEntry, Job
from jobs.transitions import Step, apply_one
from orchestration_api.exceptions import WireError
from orchestration_api.pages import page_of
from orchestration_api.parsers import mend_text
from orchestration_api.representations import AttemptOut, Entry, JobSummary, JobWhole
from orchestration_api.serializers import Edit, NewJobRequest, Order, RunAgain
from orchestration_api.views.base import MachineViewSet

_PAGING = ("ordering", "cursor", "pageSize")


class JobViewSet(MachineViewSet):
    """`/jobs`, `/jobs/{id}` and what producers and readers do with them."""

    def create(self, request: Request) -> Response:
        """One job, or a list of up to 1000: all or none."""
        asked, alone = self._new_jobs()
        made = enqueue([NewJob(**fields) for fields in asked], by=self.producer())
        return Response({"job": JobWhole(made[0]).data} if alone else {"jobs": [JobWhole(job).data for job in made]}, status=201)

    def index(self, request: Request) -> Response:
        query = request.query_params
        unknown = sorted(set(query) - set(JobFilterSet.base_filters) - set(_PAGING))
        if unknown:
            raise WireError(
                "VALIDATION_INVALID_PARAMS", f"Unknown: {', '.join(unknown)}.", fields={name: ["is not known here"] for name in unknown}
            )
        if twice := sorted(name for name, values in query.lists() if len(values) > 1):
            raise WireError(
                "VALIDATION_INVALID_PARAMS",
                f"Sent more than once: {', '.join(twice)}. Write several values with commas.",
                fields={name: ["is sent more than once"] for name in twice},
            )
        filters = JobFilterSet(query, queryset=Job.objects.defer("payload", "result"))
        try:
            chosen = filters.chosen()
        except ValueError:
            raise ValidationError(filters.form.errors) from None
        page = page_of(
            chosen, ordering=query.get("ordering", "-createdAt"), cursor=query.get("cursor"), size=_page_size(query.get("pageSize", "50"))
        )
        return Response({"results": [JobSummary(job).data for job in page.jobs], "next": page.next, "previous": page.previous})

    def retrieve(self, request: Request, job_id: str) -> Response:
        return Response(JobWhole(self.job()).data)

    def partial_update(self, request: Request, job_id: str) -> Response:
        self.parse()
        fields = self.validate(Edit)
        expected = fields.pop("expected_updated_at", None)
        if not fields:
            raise WireError(
                "VALIDATION_MISSING_FIELD",
                "Nothing to change: send priority, scheduledFor, metadata, maxAttempts or timeoutSeconds.",
                fields={},
            )
        changes = {name: times.written(value) if name == "scheduled_for" else value for name, value in fields.items()}
        step = Step(job_id=self.job_id(), action="edit", expected_updated_at=expected, detail={"changes": changes}, **fields)
        return self.answer(apply_one(step, by=self.producer()))

    def cancel(self, request: Request, job_id: str) -> Response:
        return self._order("cancel")

    def retry(self, request: Request, job_id: str) -> Response:
        return self._order("retry")

    def run_again(self, request: Request, job_id: str) -> Response:
        self.parse(required=False)
        changes = self.validate(RunAgain)
        return Response({"job": JobWhole(self.job().run_again(by=self.producer(), **changes)).data}, status=201)

    def history(self, request: Request, job_id: str) -> Response:
        """Every entry of a job in order, also when the job itself is gone."""
        entries = list(AuditEntry.objects.filter(job_id=self.job_id()).order_by("sequence"))
        if not entries:
            raise JobNotFound(f"There is no job {self.job_id()}.", job_id=self.job_id())
        return Response({"entries": Entry(entries, many=True).data})

    def attempts(self, request: Request, job_id: str) -> Response:
        """Every run: those that ended and were retried, then the one that the job is in or ended with."""
        job = self.job()
        runs: list[Any] = list(Attempt.objects.filter(job_id=job.id).order_by("epoch"))
        told = list(AttemptOut(runs, many=True).data)
        if job.claimed_at is not None:
            told.append(_current_run(job))
        return Response({"attempts": told})

    def stats(self, request: Request) -> Response:
        counted = statistics.counts()
        told = {"total": counted.total, "byStatus": counted.by_status, "byType": counted.by_type}
        return Response(told | {"asOf": times.written(times.now())})

    def text_log(self, request: Request, job_id: str) -> StreamingHttpResponse:
        return StreamingHttpResponse(logs.text(self.known_id()), content_type="text/plain; charset=utf-8")

    def _order(self, verb: str) -> Response:
        self.parse(required=False)
        fields = self.validate(Order)
        step = Step(job_id=self.job_id(), action=verb, reason=fields.get("reason"), expected_updated_at=fields.get("expected_updated_at"))
        return self.answer(apply_one(step, by=self.producer()))

    def _new_jobs(self) -> tuple[list[dict[str, Any]], bool]:
        problem = self.request.META.get("jobsite.body_problem")
        if problem:
            raise problem
        if not self.request.body:
            raise WireError("VALIDATION_INVALID_PARAMS", "The body is empty; a job or a list of jobs is needed.")
        body, _ = mend_text(self.request.data, ())
        self.check_time_header()
        alone = not isinstance(body, list)
        if alone and not isinstance(body, dict):
            raise WireError("VALIDATION_INVALID_PARAMS", "The body must be a job or a list of jobs.")
        bodies = [body] if alone else body
        if len(bodies) > MOST_AT_ONCE:
            raise WireError("VALIDATION_INVALID_PARAMS", f"At most {MOST_AT_ONCE} jobs at once; {len(bodies)} were sent.")
        return [self._new_job(job, None if alone else place) for place, job in enumerate(bodies)], alone

    def _new_job(self, body: Any, place: int | None) -> dict[str, Any]:
        try:
            return self.validate(NewJobRequest, body)
        except ValidationError as error:
            if place is None:
                raise
            raise ValidationError({f"[{place}]": error.detail}) from None


def _current_run(job: Job) -> dict[str, Any]:
    ended = Status(job.status).is_terminal
    told = {
        "number": job.attempt_number,
        "epoch": job.epoch,
        "status": job.status,
        "orchestratorId": job.orchestrator_id,
        "claimedAt": times.written(job.claimed_at),
        "acknowledgedAt": times.written(job.acknowledged_at),
        "startedAt": times.written(job.started_at),
        "completedAt": times.written(job.completed_at),
    }
    outcome = {"exitCode": job.exit_code, "error": job.last_error, "errorCategory": job.error_category, "result": job.result}
    return told | (outcome if ended else dict.fromkeys(outcome))


def _page_size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= 200):
        raise WireError("VALIDATION_INVALID_PARAMS", "pageSize must be 1 to 200.", fields={"pageSize": ["must be 1 to 200"]})
    return int(text)
