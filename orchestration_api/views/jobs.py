"""Making, reading and steering jobs."""

import re
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import StreamingHttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import blockers, events, logs, statistics, times, timing
from jobs.enqueueing import MOST_AT_ONCE, NewJob, enqueue
from jobs.filters import JobFilterSet, WrongFilter
from jobs.lifecycle import JobNotFound
from jobs.models import Attempt, AuditEntry, Scope
from jobs.transitions import Step, apply_one
from orchestration_api import queries
from orchestration_api.exceptions import WireError
from orchestration_api.idempotency import once_per_key
from orchestration_api.pages import page_of
from orchestration_api.permissions import may_read_story, opened_by
from orchestration_api.renderers import encoded, most_bytes
from orchestration_api.representations import AttemptOut, CurrentRun, Entry, JobSummary, JobWhole, told_timing
from orchestration_api.serializers import Edit, NewJobRequest, Order, RunAgain
from orchestration_api.shortening import fitting
from orchestration_api.views.base import MachineViewSet

# Of the answer to a claim: the other fields of its job, shortened if need be, and what stands around it.
_AROUND_A_PAYLOAD = 128 * 1024
_TOLD_LONGER = re.compile(rb"\de1[678][\]},]")
# Of a job's history in one answer.
MOST_ENTRIES = 10_000
_PAGING = ("ordering", "cursor", "pageSize")


class JobViewSet(MachineViewSet):
    """`/jobs`, `/jobs/{id}` and what producers and readers do with them."""

    @opened_by(Scope.ENQUEUE)
    @once_per_key
    def create(self, request: Request) -> Response:
        """One job, or a list of up to 1000: all or none."""
        asked, alone = self._new_jobs()
        for fields in asked:
            _refuse_unclaimable(fields["payload"], fields.get("metadata"))
        made = enqueue([NewJob(**fields) for fields in asked], by=self.producer())
        return Response({"job": JobWhole.of(made[0])} if alone else {"jobs": [JobWhole.of(job) for job in made]}, status=201)

    @opened_by(Scope.READ, Scope.ENQUEUE)
    def index(self, request: Request) -> Response:
        query = request.query_params
        queries.only(request, *JobFilterSet.base_filters, *_PAGING)
        filters = JobFilterSet(query, queryset=self.reach().defer("payload", "result"))
        try:
            chosen = filters.chosen()
        except WrongFilter as wrong:
            raise ValidationError(wrong.fields) from None
        page = page_of(
            chosen,
            ordering=query.get("ordering", "-createdAt"),
            cursor=query.get("cursor"),
            size=queries.whole(request, "pageSize", 1, 200, default=50),
        )
        return Response({"results": [JobSummary.of(job) for job in page.rows], "next": page.next, "previous": page.previous})

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def retrieve(self, request: Request, job_id: str) -> Response:
        return Response(self.whole(self.job()))

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
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
        if "metadata" in fields:
            _refuse_unclaimable(self.job().payload, fields["metadata"])
        step = Step.editing(fields, job_id=self.known_id(), expected_updated_at=expected)
        return self.answer(apply_one(step, by=self.producer()))

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def cancel(self, request: Request, job_id: str) -> Response:
        return self._order("cancel")

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def retry(self, request: Request, job_id: str) -> Response:
        return self._order("retry")

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def run_again(self, request: Request, job_id: str) -> Response:
        self.parse(required=False)
        changes = self.validate(RunAgain)
        job = self.job()
        if "payload" in changes:
            _refuse_unclaimable(changes["payload"], job.metadata)
        made = job.run_again(by=self.producer(), **changes)
        # A payload that came just now is no news to the caller.
        return Response({"job": JobWhole.of(made) if "payload" in changes else self.whole(made, source=job)}, status=201)

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def history(self, request: Request, job_id: str) -> Response:
        """Every entry of a job in order, also when the job itself is gone; `next` is where to read on if they don't fit into one answer."""
        queries.only(request, "after", "limit")
        after = queries.whole(request, "after", -1, 2**31 - 1, default=-1)
        limit = queries.whole(request, "limit", 1, MOST_ENTRIES, default=MOST_ENTRIES)
        self._check_reach_of_story()
        story = events.history(self.job_id(), after=after, limit=limit, most_bytes=most_bytes())
        reached = story.entries[-1]["sequence"] if story.has_more else None
        return Response({"entries": [Entry.of(entry) for entry in story.entries], "next": reached})

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def timing(self, request: Request, job_id: str) -> Response:
        """Where the time of a job went, also when the job itself is gone."""
        self._check_reach_of_story()
        return Response(told_timing(self.job_id(), timing.of(self.job_id(), now=times.now())))

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def attempts(self, request: Request, job_id: str) -> Response:
        """Every run: those that ended and were retried, then the one that the job is in or ended with. Each has its share of the answer."""
        job = self.job()
        runs = Attempt.objects.filter(job_id=job.id).order_by("epoch")
        room, left = most_bytes(), runs.count() + 1
        attempts: list[dict[str, Any]] = []
        # In a transaction the server sends no more than is read: the runs together may be gigabytes.
        with transaction.atomic():
            current = [CurrentRun.of(job)] if job.claimed_at is not None else []
            for run in chain((AttemptOut.of(run) for run in runs.iterator(chunk_size=1)), current):
                # What one leaves of its share, the next ones get.
                told = fitting(run, most_bytes=room // left, encode=encoded)
                room -= len(encoded(told)) + 1
                left -= 1
                attempts.append(told)
        return Response({"attempts": attempts})

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def blockers(self, request: Request, job_id: str) -> Response:
        """Why it is not running."""
        return Response(blockers.look(self.known_id()).told())

    @opened_by(Scope.READ)
    def stats(self, request: Request) -> Response:
        counted = statistics.counts()
        told = {"total": counted.total, "byStatus": counted.by_status, "byType": counted.by_type}
        return Response(told | {"asOf": times.written(times.now())})

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def text_log(self, request: Request, job_id: str) -> StreamingHttpResponse:
        return StreamingHttpResponse(logs.text(self.known_id()), content_type="text/plain; charset=utf-8")

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.ORCHESTRATE)
    def text_output(self, request: Request, job_id: str) -> StreamingHttpResponse:
        """What a run wrote to stdout or stderr, whole, however long: of the newest run that has ended unless `epoch` names another."""
        queries.only(request, "stream", "epoch")
        stream = request.query_params.get("stream", "stdout")
        if stream not in ("stdout", "stderr"):
            raise WireError("VALIDATION_INVALID_PARAMS", "stream must be stdout or stderr.", fields={"stream": ["is not known"]})
        epoch = queries.whole(request, "epoch", 1, 2**31 - 1, default=None)
        text = logs.output(self.known_id(), stream=stream, epoch=epoch)
        return StreamingHttpResponse(text, content_type="text/plain; charset=utf-8")

    def _check_reach_of_story(self) -> None:
        """Raises JobNotFound when the log knows nothing of the job, or nothing that this caller may read."""
        there = AuditEntry.objects.filter(job_id=self.job_id()).exists()
        if not there or not may_read_story(self.caller, self.scopes_used(), self.job_id()):
            raise JobNotFound(f"There is no job {self.job_id()}.", job_id=self.job_id())

    def _order(self, verb: str) -> Response:
        self.parse(required=False)
        fields = self.validate(Order)
        step = Step(job_id=self.known_id(), action=verb, reason=fields.get("reason"), expected_updated_at=fields.get("expected_updated_at"))
        return self.answer(apply_one(step, by=self.producer()))

    def _new_jobs(self) -> tuple[list[dict[str, Any]], bool]:
        self.check_readable()
        if not self.request.body:
            raise WireError("VALIDATION_INVALID_PARAMS", "The body is empty; a job or a list of jobs is needed.")
        body, _ = self.mended(self.request.data)
        self.scopes_used()
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
            return self.fields_of(NewJobRequest, body)
        except ValidationError as error:
            if place is None:
                raise
            raise ValidationError({f"[{place}]": error.detail}) from None


def _refuse_unclaimable(payload: Any, metadata: Any) -> None:
    """No answer is larger than its limit, so a job that no claim could hand out is not taken.

    Raises:
        WireError: payload and metadata are too long together.
    """
    content = encoded([payload, metadata])
    # What is sent as 1e16 to 1e18 comes back from PostgreSQL as a whole number of up to 19 digits.
    length = len(content) + 15 * len(_TOLD_LONGER.findall(content))
    limit = settings.ANSWER_LIMIT - _AROUND_A_PAYLOAD
    if length > limit:
        message = f"Payload and metadata have {length} bytes together; a claim can hand out at most {limit}."
        raise WireError("PAYLOAD_TOO_LARGE", message, limit=limit, length=length)
