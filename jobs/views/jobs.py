"""The jobs: by status, by what is searched for, in any order, a page at a time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.functional import cached_property

from jobs.bulk import ACTIONS
from jobs.failures import exit_words
from jobs.filters import WrongFilter
from jobs.legible import one_line
from jobs.lifecycle import Act, ActorKind, Status, Verb
from jobs.models import Job, Pause, PauseScope
from jobs.roles import VIEW_PAYLOAD, may_act_on
from jobs.search import MOST_SEARCHED, ORDERS, Piece, Search, parameters_of, parsed, pieces_of, written
from jobs.views.lists import ROWS, Pager
from jobs.views.page import Page

DEFAULT_ORDERING = "-updated"
# Of an error, what a row is made of: it may be megabytes.
_ERROR_HEAD = 2000
_UNSHOWN = ("payload", "metadata", "result", "last_error", "progress", "retry_policy", "labels", "late_epochs", "report_digest")


@dataclass(frozen=True)
class Deed:
    """What can be done to the jobs selected."""

    name: str
    label: str
    icon: str
    tone: str = ""


DEEDS = (
    Deed(Verb.RETRY, "Retry", "retry"),
    Deed(Verb.RELEASE, "Release", "release"),
    Deed(Verb.CANCEL, "Cancel", "stop"),
    Deed(Act.EDIT, "Set priority", "up"),
)


@dataclass(frozen=True)
class Row:
    """A job in the table.

    Attributes:
        error: its one line that names it; empty for none.
        exit_words: the exit code in words.
        pause: why it is not claimed, when its type, or every type, is paused.
        deeds: the names of what staff may do to it, with spaces between.
    """

    job: Job
    error: str
    exit_words: str
    pause: str
    deeds: str

    @property
    def took(self) -> timedelta | None:
        """Of the run that ended it."""
        return self.job.completed_at - self.job.started_at if self.job.completed_at and self.job.started_at else None

    @property
    def runs(self) -> int:
        """Runs that began; one that is only waited for has not."""
        return self.job.attempt_number if self.job.claimed_at else self.job.attempts


@dataclass(frozen=True)
class Tab:
    """
    Attributes:
        name: of a status, `stuck`, or empty for all.
        search: parameters of the jobs behind it.
        count: how many, as it is told; empty until it is asked for.
    """

    name: str
    label: str
    url: str
    search: QueryDict
    is_current: bool
    count: str = ""


class JobsPage(Page):
    shell = "pages/jobs.html"
    live = "pages/_jobs.html"
    permission = "jobs.view_job"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What is typed becomes parameters of the address, which then say it alone; what can't be read is said in the place of the list."""
        if "q" in request.GET:
            try:
                return HttpResponseRedirect(address_of(_joined(self._asked(), parsed(request.GET["q"])), self.ordering))
            except WrongFilter:
                pass
        return super().get(request, *args, **kwargs)

    def shell_context(self) -> dict[str, Any]:
        parameters, typed = parameters_of(self.request.GET), self.request.GET.get("q")
        return {
            "title": "Jobs",
            "line": written(parameters) if typed is None else typed,
            "tabs": tabs_of(parameters, self.ordering),
            "chips": [(piece, address_of(piece.without, self.ordering)) for piece in _chips(parameters)],
            "clear": address_of(QueryDict(), self.ordering) if parameters or typed else "",
            "ordering": self.ordering,
            "default_ordering": DEFAULT_ORDERING,
            "query": _query(parameters, self.ordering),
        }

    def live_context(self) -> dict[str, Any]:
        if "q" in self.request.GET:
            parsed(self.request.GET["q"])
        search = search_of(self.request)
        page = search.page(_brought, cursor=self.request.GET.get("cursor"), size=ROWS)
        around = [self._address(cursor=cursor) if cursor else "" for cursor in (page.previous, page.next)]
        order = ORDERS[self.ordering.removeprefix("-")]
        return {
            "rows": _rows(page.rows),
            "pager": Pager(self._words(search), around[0], around[1], *self._ends()),
            "matching": search.matching,
            "most_searched": MOST_SEARCHED,
            "is_bounded": search.is_bounded,
            "orders": [self._sorting(name) for name in ORDERS],
            "order": order,
            "deeds": DEEDS if self.request.user.has_perm("jobs.change_job") else (),
            "selects_all": self._may_select_all(search, len(page.rows)),
            "is_one_status": len(search.statuses) == 1,
            "parameters": search.parameters,
            "act_query": _query(search.parameters, self.ordering),
            "clear": reverse("pages:jobs"),
        }

    @cached_property
    def ordering(self) -> str:
        return self.request.GET.get("ordering", DEFAULT_ORDERING)

    def _asked(self) -> QueryDict:
        return parameters_of(self.request.GET)

    def _words(self, search: Search) -> str:
        order = ORDERS[self.ordering.removeprefix("-")]
        ended = ", of those that have ended" if order.of else ""
        return f"{search.matching} matching{ended}, {ROWS} a page, {order.ends[not self.ordering.startswith('-')]} first"

    def _ends(self) -> tuple[str, str]:
        """What leads to the page before and after."""
        if self.ordering.removeprefix("-") in ("updated", "created", "completed"):
            return ("Newer", "Older") if self.ordering.startswith("-") else ("Older", "Newer")
        return "Previous", "Next"

    def _sorting(self, name: str) -> dict[str, Any]:
        """Of a column: how it is sorted now, and where its other direction is."""
        is_current, falls = self.ordering.removeprefix("-") == name, self.ordering.startswith("-")
        return {
            "name": name,
            "label": ORDERS[name].label,
            "url": address_of(self._asked(), name if is_current and falls else f"-{name}"),
            "direction": ("descending" if falls else "ascending") if is_current else "",
        }

    def _may_select_all(self, search: Search, shown: int) -> bool:
        user, count = self.request.user, search.matching
        if count.is_capped or count.number <= shown or not user.has_perm("jobs.add_bulkoperation"):
            return False
        return may_act_on(user, count.number)

    def _address(self, cursor: str) -> str:
        query = self._asked()
        query["cursor"] = cursor
        return address_of(query, self.ordering)


def search_of(request: HttpRequest) -> Search:
    """What an address asks for.

    Raises:
        WrongFilter, WrongPage: it can't be read.
        PermissionDenied: it is about payloads, which are not for who asks.
    """
    ordering = request.GET.get("ordering", DEFAULT_ORDERING)
    return Search(parameters_of(request.GET), ordering=ordering, may_see_payloads=request.user.has_perm(VIEW_PAYLOAD))


def tabs_of(parameters: QueryDict, ordering: str) -> list[Tab]:
    """All jobs, those in each status, and those that are stuck; each with the rest of the filter."""
    chosen = "stuck" if parameters.get("attention") == "stuck" else parameters.get("status", "")
    names = {"": "All"} | {status.value: status.label for status in Status} | {"stuck": "Stuck"}
    tabs = []
    for name, label in names.items():
        search = parameters.copy()
        for about_status in ("status", "attention"):
            search.pop(about_status, None)
        if name:
            search["attention" if name == "stuck" else "status"] = name
        tabs.append(Tab(name, label, address_of(search, ordering), search, chosen == name))
    return tabs


def address_of(parameters: QueryDict, ordering: str) -> str:
    """Of the page with these parameters, in this order."""
    query = _query(parameters, ordering)
    return f"{reverse('pages:jobs')}?{query}" if query else reverse("pages:jobs")


def _joined(first: QueryDict, second: QueryDict) -> QueryDict:
    """Both; what the second says of the same thing counts."""
    both = first.copy()
    for name in second:
        both.setlist(name, second.getlist(name))
    return both


def _query(parameters: QueryDict, ordering: str) -> str:
    query = parameters.copy()
    if ordering != DEFAULT_ORDERING:
        query["ordering"] = ordering
    return query.urlencode(safe=",:")


def _chips(parameters: QueryDict) -> list[Piece]:
    """What the filter says besides what the tab says already."""
    rest = parameters.copy()
    tab = [tab for tab in tabs_of(parameters, DEFAULT_ORDERING) if tab.is_current and tab.name]
    for _ in tab:
        rest.pop("attention" if parameters.get("attention") == "stuck" else "status", None)
    told = {str(piece) for piece in pieces_of(rest)}
    return [piece for piece in pieces_of(parameters) if str(piece) in told]


def _brought(jobs: "QuerySet[Job]") -> "QuerySet[Job]":
    return jobs.defer(*_UNSHOWN).annotate(error_head=Left("last_error", _ERROR_HEAD))


def _rows(jobs: list[Job]) -> list[Row]:
    waiting = {job.type for job in jobs if job.status == Status.QUEUED}
    pauses = _pauses(waiting) if waiting else {}
    return [
        Row(
            job,
            error=one_line(getattr(job, "error_head", None) or ""),
            exit_words=exit_words(job.exit_code),
            pause=(pauses.get("") or pauses.get(job.type, "")) if job.status == Status.QUEUED else "",
            deeds=" ".join(deed.name for deed in DEEDS if ACTIONS[deed.name].is_open(Status(job.status), ActorKind.USER)),
        )
        for job in jobs
    ]


def _pauses(types: set[str]) -> dict[str, str]:
    """By type why it is paused, in words; of all types under the empty name."""
    found = Pause.objects.filter(scope__in=[PauseScope.SITE, PauseScope.TYPE], name__in=["", *types])
    return {pause.name: f"{'type' if pause.name else 'site'} paused: {pause.reason}" for pause in found}
