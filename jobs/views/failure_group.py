"""One failure group: an example, how often and where, which jobs stand failed so, and what people have made of it."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Left, Length
from django.http import Http404

from jobs import times
from jobs.failure_groups import hour_of
from jobs.lifecycle import Status
from jobs.models import AuditEntry, FailureGroup, Job
from jobs.templatetags.charts import Series, Stacked
from jobs.views.group_acts import retry_offer, triage_offers
from jobs.views.groups import DAY, WEEK, Course, Figures, figures_of
from jobs.views.page import Page

COURSES = {"24h": DAY, "7d": WEEK}
_SAMPLE = 8
_MOST_ENTRIES = 20
# Of an error; who wants more looks at the job.
_MOST_OF_ERROR = 20_000
# Jobs that tell where the group ran.
_LOOKED_AT = 1000
# Orchestrators by name; the rest are told together.
_MOST_NAMED = 8


class FailureGroupPage(Page):
    shell = "pages/failure_group.html"
    live = "pages/_failure_group.html"
    permission = "jobs.view_failuregroup"

    @cached_property
    def group(self) -> FailureGroup:
        """
        Raises:
            Http404: there is none.
        """
        fingerprint = self.kwargs["fingerprint"]
        group = FailureGroup.objects.filter(pk=fingerprint).first()
        if group is None:
            raise Http404(f"There is no failure group {fingerprint}.")
        return group

    def shell_context(self) -> dict[str, Any]:
        return {"title": self.group.title, "group": self.group}

    def live_context(self) -> dict[str, Any]:
        group, user = self.group, self.request.user
        course = COURSES.get(self.request.GET.get("during", ""), DAY)
        figures = figures_of([group.pk], course, looked_at=_LOOKED_AT)[group.pk]
        jobs = list(_failed(group)) if user.has_perm("jobs.view_job") and figures.jobs else []
        named = list(figures.ran_on.items())
        return {
            "group": group,
            "figures": figures,
            "chart": _chart(figures, course),
            "course": course,
            "during": [(name, words.words, words is course) for name, words in COURSES.items()],
            "retry": retry_offer(user, group, figures),
            "offers": triage_offers(user, group),
            "jobs": jobs,
            "example": jobs[0] if jobs else None,
            "error": (jobs[0].error if jobs else "") or group.example_error,  # type: ignore[attr-defined]
            "is_cut": bool(jobs) and (jobs[0].length or 0) > _MOST_OF_ERROR,  # type: ignore[attr-defined]
            "most_of_error": _MOST_OF_ERROR,
            "ran_on": named[:_MOST_NAMED],
            "ran_elsewhere": sum(jobs for _, jobs in named[_MOST_NAMED:]),
            "looked_at": min(_LOOKED_AT, figures.jobs),
            "entries": AuditEntry.objects.filter(subject_type="failure_group", subject_id=group.pk).order_by("-id")[:_MOST_ENTRIES],
        }


def _failed(group: FailureGroup) -> "QuerySet[Job]":
    """Its newest jobs that stand failed, each with its error and how long that is."""
    alike = Job.objects.filter(status=Status.FAILED, fingerprint=group.pk).order_by("-updated_at", "-id")
    told = alike.only("id", "status", "type", "orchestrator_id", "attempts", "max_attempts", "exit_code", "completed_at", "updated_at",
                      "lease_expires_at", "cancel_requested_at", "scheduled_for", "partial")  # fmt: skip
    return told.annotate(error=Left("last_error", _MOST_OF_ERROR), length=Length("last_error"))[:_SAMPLE]


def _chart(figures: Figures, course: Course) -> Stacked:
    begins = hour_of(times.now()) - course.step * course.steps + timedelta(hours=1)
    at = [begins + course.step * step for step in range(course.steps)]
    return Stacked(
        title=f"Failures, last {course.words}",
        description=f"{figures.in_all:,} failures; at most {max(figures.failures):,} in {course.step_words}.",
        series=[Series("Failures", "s-failed", figures.failures)],
        columns=[f"{count:,} from {_hour(moment)}" for moment, count in zip(at, figures.failures, strict=True)],
        labels={0: _hour(at[0]), course.steps // 2: _hour(at[course.steps // 2]), course.steps: "now"},
        height=110,
    )


def _hour(moment: datetime) -> str:
    return f"{moment:%-d %b %H:%M}"
