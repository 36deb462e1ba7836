"""What is kept of a job as plain text: its whole log, and the errors of its runs."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views import View

from jobs import logs
from jobs.models import Attempt, Job
from jobs.views.page import refuse

_CHARACTERS_AT_ONCE = 65536
Answer = TypeVar("Answer", bound=HttpResponseBase)


class JobText(View):
    """A text of a job, as a file."""

    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return refuse(request, "jobs.view_job") or super().dispatch(request, *args, **kwargs)


class LogText(JobText):
    """Every line, run after run, as it was written; sent while it is read."""

    def get(self, request: HttpRequest, job_id: str) -> StreamingHttpResponse:
        if "\0" in job_id or not Job.objects.filter(pk=job_id).exists():
            raise Http404("no such job")
        return _as_file(StreamingHttpResponse(_in_pieces(logs.text(job_id))), f"{job_id}.log.txt")


class ErrorText(JobText):
    """The whole error of one run."""

    def get(self, request: HttpRequest, job_id: str, epoch: int) -> HttpResponse:
        if "\0" in job_id or epoch >= 2**31:
            raise Http404("no such run")
        earlier = Attempt.objects.filter(job_id=job_id, epoch=epoch).values_list("last_error", flat=True)
        last = Job.objects.filter(pk=job_id, epoch=epoch).values_list("last_error", flat=True)
        error = next((text for found in (earlier, last) for text in found if text is not None), None)
        if error is None:
            raise Http404("no such error")
        return _as_file(HttpResponse(error), f"{job_id}.error-{epoch}.txt")


def _as_file(answer: Answer, name: str) -> Answer:
    answer["Content-Type"] = "text/plain; charset=utf-8"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _in_pieces(lines: Iterable[str]) -> Iterator[str]:
    piece: list[str] = []
    length = 0
    for line in lines:
        piece.append(line)
        length += len(line)
        if length >= _CHARACTERS_AT_ONCE:
            yield "".join(piece)
            piece, length = [], 0
    yield "".join(piece)
