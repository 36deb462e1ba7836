"""The log of one job on its page: its last lines, and, while it runs, what has been written since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
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
        # As one row behind the column that is equal: so it ends the walk along the key.
        lines = lines.filter(TupleGreaterThan(Tuple(F("epoch"), F("sequence")), after))
    if choice.epoch is not None:
        lines = lines.filter(epoch=choice.epoch)
    if choice.stream:
        lines = lines.filter(stream=choice.stream)
    if choice.find:
        lines = lines.filter(line__icontains=choice.find)
    told = lines.annotate(head=Left("line", LINE_HEAD), length=Length("line")).values("epoch", "sequence", "stream", "at", "head", "length")
    found = list(told.order_by("-epoch", "-sequence")[: MOST_LINES + 1])
    return Tail(found[:MOST_LINES][::-1], len(found) > MOST_LINES, after[0] if after else None)


def newest(job_id: str) -> Place | None:
    """Where the log of a job ends; None while nothing is written."""
    places = LogLine.objects.filter(job_id=job_id).order_by("-epoch", "-sequence").values_list("epoch", "sequence")
    return places.first()


class LogTail(View):
    """What has been written behind a place: list items, to be appended; 204 while nothing was. `Log-Place` says where to look on from.

    That is not the last line that was found: what has been searched once is not searched again.
    """

    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return refuse(request, "jobs.view_job") or super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        try:
            choice, after = Choice.of(request), _place(request.GET.get("after", ""))
            with reading():
                end = newest(job_id) if is_id(job_id) else None
                found = tail(job_id, choice, after=after) if end else NOTHING
        except WrongFilter as wrong:
            return HttpResponse(str(wrong), status=400, content_type="text/plain; charset=utf-8")
        except TooSlow:
            return HttpResponse(status=503)
        shown = {"log": found, "find": choice.find}
        answer = render(request, "jobs/job/_log_lines.html", shown) if found.lines else HttpResponse(status=204)
        if end:
            # Lines that came between the two questions are found already.
            answer["Log-Place"] = "{}.{}".format(*max(end, *((line["epoch"], line["sequence"]) for line in found.lines[-1:]), after or end))
        answer["Cache-Control"] = "private, no-store"
        return answer


def _place(text: str) -> Place | None:
    if not text:
        return None
    epoch, _, sequence = text.partition(".")
    if not (text.isascii() and epoch.isdigit() and sequence.isdigit() and int(epoch) <= _MOST and int(sequence) < 2**63):
        raise WrongFilter({"after": ["must be the epoch and the sequence of a line, as 2.118"]})
    return int(epoch), int(sequence)
