"""What the jobs page asks for apart: the counts of its tabs, the preview of an error, and the whole list as CSV."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.db.models import Count as Aggregate
from django.db.models import F, Func, IntegerField, QuerySet, Value
from django.db.models.functions import Left, Length, Replace
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from jobs.failures import exit_words
from jobs.filters import WrongFilter
from jobs.ids import is_id
from jobs.legible import legible
from jobs.lifecycle import LIVE, Status
from jobs.models import Job
from jobs.paging import WrongPage
from jobs.reading import TooSlow, reading
from jobs.roles import VIEW_PAYLOAD
from jobs.search import MOST_SEARCHED, Count, Search, counted, parameters_of, written_as_csv
from jobs.templatetags.jobs import job_url
from jobs.views.jobs import DEFAULT_ORDERING, search_of, tabs_of
from jobs.views.page import refuse

_LINES, _CHARACTERS = 12, 4000


class _Part(View):
    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return refuse(request, "jobs.view_job") or super().dispatch(request, *args, **kwargs)
        except TooSlow:
            return HttpResponse("This took too long, and was given up.\n", "text/plain", 503)


class JobCounts(_Part):
    """How many jobs stand behind each tab; none where counting takes too long."""

    def get(self, request: HttpRequest) -> HttpResponse:
        parameters, ordering = parameters_of(request.GET), request.GET.get("ordering", DEFAULT_ORDERING)
        tabs = tabs_of(parameters, ordering)
        try:
            with reading():
                counts = _counts({tab.name: self._search(tab.search, ordering) for tab in tabs})
            tabs = [replace(tab, count=str(counts[tab.name])) for tab in tabs]
        except TooSlow:
            pass
        except (WrongFilter, WrongPage) as wrong:
            return HttpResponseBadRequest(str(wrong), content_type="text/plain; charset=utf-8")
        return render(request, "pages/_jobs_tabs.html", {"tabs": tabs})

    def _search(self, parameters: Any, ordering: str) -> Search:
        return Search(parameters, ordering=ordering, may_see_payloads=self.request.user.has_perm(VIEW_PAYLOAD))


class JobError(_Part):
    """The beginning of a job's error, for a look without leaving the list."""

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        if request.headers.get("HX-Request") != "true":
            return HttpResponseRedirect(job_url(job_id))
        with reading():
            job = self._job(job_id)
            alike = job.fingerprint and Job.objects.filter(status=Status.FAILED, fingerprint=job.fingerprint)[: MOST_SEARCHED + 1].count()
        lines = legible(getattr(job, "error_head")).splitlines()  # noqa: B009  an annotation
        shown = lines[:_LINES]
        return render(
            request,
            "pages/_job_error.html",
            {
                "job": job,
                "url": job_url(job.id),
                "exit_words": exit_words(job.exit_code),
                "category": (job.error_category or "").replace("_", " "),
                "text": "\n".join(shown),
                "shown": len(shown),
                "lines": max(getattr(job, "line_ends") + 1, len(shown)),  # noqa: B009
                "alike": counted(alike or 0),
            },
        )

    def _job(self, job_id: str) -> Job:
        rows = Job.objects.only("id", "status", "attempts", "max_attempts", "exit_code", "error_category", "fingerprint")
        without_ends = Length(Replace("last_error", Value("\n"), Value("")))
        ends = Func(Length("last_error"), without_ends, template="(%(expressions)s)", arg_joiner=" - ", output_field=IntegerField())
        found = rows.filter(last_error__isnull=False).annotate(error_head=Left(F("last_error"), _CHARACTERS), line_ends=ends)
        job = found.filter(id=job_id).first() if is_id(job_id) else None
        if job is None:
            raise Http404("This job has no error.")
        return job


class JobsCsv(_Part):
    """Every job that the address asks for, as a table for a spreadsheet. Payloads are not part of it."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        try:
            rows: Iterator[str] = written_as_csv(search_of(request))
        except (WrongFilter, WrongPage) as wrong:
            return HttpResponseBadRequest(str(wrong), content_type="text/plain; charset=utf-8")
        name = {"Content-Disposition": 'attachment; filename="jobs.csv"', "Cache-Control": "private, no-store"}
        return StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8", headers=name)


def _counts(searches: dict[str, Search]) -> dict[str, Count]:
    """Of each tab. Few jobs are counted by status at once; of many, each status by itself, but for those that are held, which are few."""
    whole = searches[""]
    if not (whole.is_bounded or whole.matching.is_capped):
        counts = _by_status(whole.found(), [*Status])
    elif whole.looks_for:
        counts = {status.value: searches[status.value].matching for status in Status}
    else:
        held = _by_status(whole.found().filter(status__in=sorted(LIVE)), sorted(LIVE))
        counts = held | {status.value: searches[status.value].matching for status in Status if not status.is_live}
    return counts | {"": whole.matching, "stuck": searches["stuck"].matching}


def _by_status(jobs: "QuerySet[Job]", statuses: list[Status]) -> dict[str, Count]:
    found = dict(jobs.order_by().values_list("status").annotate(number=Aggregate("id")))
    return {status.value: counted(found.get(status.value, 0)) for status in statuses}
