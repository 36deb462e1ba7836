"""The page of one job. What it wrote stands beside the live part and goes on by itself (jobs/views/logs.py): it is never replaced."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from jobs.ids import is_id
from jobs.lifecycle import Act, Status
from jobs.reading import reading
from jobs.views.job_page import context_of, jobs_for_a_page
from jobs.views.logs import STREAMS, Choice, tail
from jobs.views.page import Page
from jobs.views.story import entries_of, story


class JobPage(Page):
    shell = "pages/job.html"
    live = "pages/_job.html"
    permission = "jobs.view_job"
    seconds = 2
    # Of a job that has ended: somebody may yet retry it.
    seconds_once_ended = 60
    # What the shell shows of the job; nothing when it could not be read.
    _beside: Mapping[str, Any] = {}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except NothingThere:
            return self._gone(kwargs["job_id"])

    def live_context(self) -> dict[str, Any]:
        job = self._job()
        if Status(job.status).is_terminal:
            self.seconds = self.seconds_once_ended
        told = context_of(job, user=self.request.user)
        if not self._is_for_live_part():
            # It stands in the shell, but is read here, where what takes too long is given up.
            self._beside = {key: told[key] for key in ("job", "has_ended", "runs")} | self._log()
        return told

    def shell_context(self) -> dict[str, Any]:
        return {"title": f"Job …{self.kwargs['job_id'][-6:]}", **self._beside}

    def _job(self) -> Any:
        job_id = self.kwargs["job_id"]
        job = jobs_for_a_page().filter(pk=job_id).first() if is_id(job_id) else None
        if job is None:
            raise NothingThere
        return job

    def _log(self) -> dict[str, Any]:
        choice = Choice.of(self.request)
        job_id = self.kwargs["job_id"]
        return {"log": tail(job_id, choice), "choice": choice, "find": choice.find, "streams": STREAMS}

    def _gone(self, job_id: str) -> HttpResponse:
        """The history of a job that was deleted when it had outlived its time: that stays."""
        if self._is_for_live_part():
            # It went while somebody looked at it: the window shows what is left.
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        with reading():
            entries = entries_of(job_id) if is_id(job_id) else []
            if not entries:
                raise Http404(f"There is no job {job_id}.")
            told = {"title": job_id, "front": job_id[:-6], "tail": job_id[-6:], "story": story(job_id, entries)}
        pruned = next((entry for entry in entries if entry.action == Act.PRUNE), None)
        return render(self.request, "pages/job_gone.html", told | {"job_id": job_id, "pruned": pruned, "last": entries[0]}, status=410)


class NothingThere(Exception):
    """There is no job of this id, or no longer."""
