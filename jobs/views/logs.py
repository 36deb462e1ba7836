"""The log of one job on its page: its last lines, and, while it runs, what has been written since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.db.models.functions import Left, Length
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from jobs.filters import WrongFilter
from jobs.ids import is_id
from jobs.models import LogLine
from jobs.reading import TooSlow, reading
from jobs.views.page import refuse

# As many as are read at a glance; the whole is to be had as text.
MOST_LINES = 200
# A line may be megabytes.
LINE_HEAD = 4000
STREAMS = ("stdout", "stderr", "system")
_MOST = 2**31 - 1
_PARAMETERS = ("epoch", "stream", "find")

Place = tuple[int, int]


@dataclass(frozen=True)
class Choice:
    """Which lines are asked for.

    Attributes:
        epoch: of one run; None for all.
        find: what must stand in them; empty for nothing.
    """

    epoch: int | None
    stream: str
    find: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Choice":
        """What an address says.

        Raises:
            WrongFilter: something that can't be.
        """
        epoch, stream, find = (request.GET.get(name, "") for name in _PARAMETERS)
        wrong = {}
        if epoch and not (epoch.isascii() and epoch.isdigit() and int(epoch) <= _MOST):
            wrong["epoch"] = ["must be the number of a claim"]
        if stream and stream not in STREAMS:
            wrong["stream"] = [f"must be one of {', '.join(STREAMS)}"]
        if "\0" in find:
            wrong["find"] = ["must not hold a NUL: no line does"]
        if wrong:
            raise WrongFilter(wrong)
        return cls(int(epoch) if epoch else None, stream, find)

    @property
    def is_made(self) -> bool:
        return self.epoch is not None or bool(self.stream or self.find)


NO_CHOICE = Choice(None, "", "")


@dataclass(frozen=True)
class Tail:
    """
    Attributes:
        lines: in order, each with the `head` of its text and its `length`.
        has_older: there are more that match before these; or, of what has been written since, more than are shown.
        since: of which epoch the line before them is.
    """

    lines: Sequence[Mapping[str, Any]]
    has_older: bool
    since: int | None = None


NOTHING = Tail([], has_older=False)


def tail(job_id: str, choice: Choice, *, after: Place | None = None) -> Tail:
    """The newest lines of a job that are chosen. Plan: the primary key, from its end.

    Args:
        after: only those behind this epoch and sequence.
    """
    lines = LogLine.objects.filter(job_id=job_id)
    if after:
        epoch, sequence = after
        lines = lines.filter(Q(epoch__gt=epoch) | Q(epoch=epoch, sequence__gt=sequence), epoch__gte=epoch)
    if choice.epoch is not None:
        lines = lines.filter(epoch=choice.epoch)
    if choice.stream:
        lines = lines.filter(stream=choice.stream)
    if choice.find:
        lines = lines.filter(line__icontains=choice.find)
    told = lines.annotate(head=Left("line", LINE_HEAD), length=Length("line")).values("epoch", "sequence", "stream", "at", "head", "length")
    found = list(told.order_by("-epoch", "-sequence")[: MOST_LINES + 1])
    return Tail(found[:MOST_LINES][::-1], len(found) > MOST_LINES, after[0] if after else None)


class LogTail(View):
    """What has been written behind a line: list items, to be appended; 204 while nothing was."""

    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return refuse(request, "jobs.view_job") or super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        try:
            choice, after = Choice.of(request), _place(request.GET.get("after", ""))
            with reading():
                found = tail(job_id, choice, after=after) if is_id(job_id) else NOTHING
        except WrongFilter as wrong:
            return HttpResponse(str(wrong), status=400, content_type="text/plain; charset=utf-8")
        except TooSlow:
            return HttpResponse(status=503)
        if not found.lines:
            return HttpResponse(status=204)
        answer = render(request, "jobs/job/_log_lines.html", {"log": found, "find": choice.find})
        answer["Cache-Control"] = "private, no-store"
        return answer


def _place(text: str) -> Place | None:
    if not text:
        return None
    epoch, _, sequence = text.partition(".")
    if not (text.isascii() and epoch.isdigit() and sequence.isdigit() and int(epoch) <= _MOST and int(sequence) < 2**63):
        raise WrongFilter({"after": ["must be the epoch and the sequence of a line, as 2.118"]})
    return int(epoch), int(sequence)
