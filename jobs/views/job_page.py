"""What stands on the page of one job, its own and the admin's: its failure first, then its story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import IntegerField, OuterRef, QuerySet, Subquery
from django.utils import timezone

from jobs import blockers
from jobs.cancels import proof_of
from jobs.failure_groups import MOST_FAILED_COUNTED
from jobs.failures import Category, exit_words
from jobs.legible import legible, one_line
from jobs.lifecycle import Status
from jobs.masking import shown
from jobs.models import AuditEntry, FailureGroup, Job
from jobs.roles import VIEW_PAYLOAD
from jobs.views.job_offers import offers
from jobs.views.offers import Person
from jobs.views.runs import alike, earlier_runs, runs_of
from jobs.views.story import entries_of, story


class _Counted(Subquery):
    """How many rows there are, to the limit of the query: no more are looked at."""

    template = "(select count(*) from (%(subquery)s) counted)"
    output_field = IntegerField()


@dataclass(frozen=True)
class Fault:
    """An error to be shown whole, in three pieces: the line that names it, and what stands before and after.

    Attributes:
        lines: how many all are.
    """

    before: str
    line: str
    after: str
    lines: int


def jobs_for_a_page() -> QuerySet[Any]:
    """Jobs with what `context_of` needs to know besides: their earlier runs, and their failure group."""
    group = FailureGroup.objects.filter(pk=OuterRef("fingerprint"))
    failed_alike = Job.objects.filter(status=Status.FAILED, fingerprint=OuterRef("fingerprint")).order_by().values("fingerprint")
    return Job.objects.annotate(
        earlier=earlier_runs(),
        group_since=Subquery(group.values("first_seen_at")),
        failed_alike=_Counted(failed_alike[: MOST_FAILED_COUNTED + 1]),
    )


def context_of(job: Any, *, user: Person) -> dict[str, Any]:
    """Everything that the templates of a job's page show, but its log.

    Args:
        job: of `jobs_for_a_page`.
    """
    entries = entries_of(job.id)
    runs = runs_of(job, job.earlier)
    status = Status(job.status)
    return {
        "job": job,
        "front": job.id[:-6],
        "tail": job.id[-6:],
        "has_failed": status is Status.FAILED,
        "is_live": status.is_live,
        "has_ended": status.is_terminal,
        "fault": fault(job.last_error) if job.last_error is not None else None,
        "headline": headline(job),
        "verdict": _verdict(job),
        "is_inferred": _is_inferred(entries),
        "same_on": alike(runs, job.fingerprint),
        "alike": min(job.failed_alike, MOST_FAILED_COUNTED),
        "has_more_alike": job.failed_alike > MOST_FAILED_COUNTED,
        "ran": ran(job),
        "runs_begun": runs_begun(job),
        "runs": runs,
        "offers": offers(job, user=user),
        "cancel": proof_of(job, entries),
        "cancel_reason": next((entry.reason for entry in entries if entry.action == "cancel_request"), None),
        "percentage": _percentage(job.progress),
        "standing": blockers.look(job.id) if status is Status.QUEUED else None,
        "story": story(job.id, entries) if entries else None,
        "documents": _documents(job) if user.has_perm(VIEW_PAYLOAD) else None,  # type: ignore[union-attr]
    }


def headline(job: Job) -> str:
    """What went wrong, in words first."""
    if job.exit_code is not None and (words := exit_words(job.exit_code)):
        return f"Exit {job.exit_code}: {words}"
    kind = (job.error_category or "unknown").replace("_", " ")
    if not job.exit_code:
        return f"Failed: {kind}"
    # That it was the exit code says no more than the code itself.
    return f"Exit {job.exit_code}" if job.error_category == Category.EXIT_CODE else f"Exit {job.exit_code}: {kind}"


def fault(error: str) -> Fault:
    """An error as it is shown: complete, and harmless to read."""
    text = legible(error)
    # Of a traceback the last line that names it, as `one_line` has found it.
    before, line, after = text.rpartition(one_line(text))
    return Fault(before, line, after, len(text.splitlines()))


def runs_begun(job: Job) -> int:
    """How many runs there were with the one in hand: one that is only waited for has not begun."""
    return job.attempt_number if job.claimed_at else job.attempts


def ran(job: Job) -> timedelta | None:
    return (job.completed_at or timezone.now()) - job.started_at if job.started_at else None


def _verdict(job: Job) -> str:
    """Why a failed job is not tried again."""
    if job.status != Status.FAILED:
        return ""
    if job.quarantined_at:
        return "in quarantine, for its runs were lost again and again"
    return "so it is not tried again" if job.attempts >= job.max_attempts else "though this kind of failure is not tried again"


def _is_inferred(entries: Sequence[AuditEntry]) -> bool:
    newest = next((entry for entry in entries if entry.action == "fail"), None)
    return bool(newest and newest.__dict__.get("category_inferred"))


def _percentage(progress: object) -> float | None:
    told = progress.get("percentage") if isinstance(progress, dict) else None
    return min(100.0, max(0.0, told)) if isinstance(told, int | float) and not isinstance(told, bool) else None


def _documents(job: Job) -> list[tuple[str, Any]]:
    found = [("Payload", job.payload), ("Result", job.result), ("Metadata", job.metadata), ("Retry policy of its own", job.retry_policy)]
    return [(name, shown(value)) for name, value in found if value or name != "Retry policy of its own"]
