"""What the jobs page asks for apart: the counts of its tabs, the preview of an error, and the whole list as CSV."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.db.models import F, Func, IntegerField, Value
from django.db.models.functions import Left, Length, Replace
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from jobs.failures import exit_words
from jobs.filters import WrongFilter
from jobs.ids import is_id
from jobs.legible import legible
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.paging import WrongPage
from jobs.reading import TooSlow, reading
from jobs.roles import VIEW_PAYLOAD
from jobs.search import MOST_SEARCHED, Count, Search, parameters_of, written_as_csv
from jobs.templatetags.jobs import job_url
from jobs.views.jobs import DEFAULT_ORDERING, search_of, tabs_of
from jobs.views.page import refuse

_LINES, _CHARACTERS = 12, 4000


class _Part(View):
    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return refuse(request, "jobs.view_job") or super().dispatch(request, *args, **kwargs)


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
                "alike": Count(min(alike or 0, MOST_SEARCHED), (alike or 0) > MOST_SEARCHED),
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
    """Of each tab. All jobs are those of each status together, unless only the newest of each were looked through."""
    counts = {name: search.matching for name, search in searches.items() if name}
    if searches[""].looks_for:
        return counts | {"": searches[""].matching}
    of_statuses = [counts[status.value] for status in Status]
    number = sum(count.number for count in of_statuses)
    return counts | {"": Count(min(number, MOST_SEARCHED), number > MOST_SEARCHED or any(count.is_capped for count in of_statuses))}
