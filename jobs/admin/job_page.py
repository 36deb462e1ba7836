"""What stands on the page of one job: its failure first, then its story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db.models.functions import Left, Length
from django.utils import timezone

from jobs import blockers, timing
from jobs.cancels import proof_of
from jobs.failures import exit_words
from jobs.legible import one_line
from jobs.lifecycle import TABLE, ActorKind, Status, Verb, verbs_from
from jobs.masking import shown
from jobs.models import Attempt, AuditEntry, Job, LogLine
from jobs.timing import Timing, Wait

OFFERED = (Verb.RETRY, Verb.CANCEL, Verb.RELEASE)
LOG_TAIL = 200
# A line may be megabytes.
LINE_HEAD = 4000
MOST_ENTRIES = 200
BAR_WIDTH = 10_000
_EFFECTS = {
    Verb.RETRY: "Back to the queue with at least one more attempt.",
    Verb.CANCEL: "A held job is stopped by its orchestrator.",
    Verb.RELEASE: "Back to the queue, no attempt counted.",
}


@dataclass(frozen=True)
class Offer:
    """A button: a verb, and why it can't be said now (empty when it can)."""

    verb: Verb
    place: int
    effect: str
    obstacle: str


@dataclass(frozen=True)
class Moment:
    """An entry of the timeline and how long what it began has lasted."""

    entry: AuditEntry
    lasted: timedelta | None

    @property
    def action(self) -> str:
        return self.entry.action.replace("_", " ")

    @property
    def why(self) -> str:
        """The reason given, else the error that the entry tells of."""
        error = (self.entry.detail or {}).get("error")
        if isinstance(error, dict):
            error = error.get("message")
        return self.entry.reason or (one_line(error) if isinstance(error, str) else "")


@dataclass(frozen=True)
class Share:
    """A piece of the bar that the time of a job is drawn as: where it begins and how wide it is, of BAR_WIDTH."""

    state: str
    is_wait: bool
    begins: int
    width: int


def context_of(job: Job, *, may_act: bool) -> dict[str, object]:
    """Everything that the template of a job's page shows."""
    entries = list(AuditEntry.objects.filter(job_id=job.id).order_by("-sequence")[: MOST_ENTRIES + 1])
    lines = list(
        LogLine.objects.filter(job_id=job.id)
        .order_by("-epoch", "-sequence")
        .annotate(head=Left("line", LINE_HEAD), length=Length("line"))
        .values("epoch", "stream", "at", "head", "length")[: LOG_TAIL + 1]
    )
    account = timing.of(job.id, now=timezone.now()) if entries else None
    return {
        "job": job,
        "front": job.id[:-6],
        "tail": job.id[-6:],
        "has_failed": Status(job.status) is Status.FAILED,
        "headline": headline(job),
        "ran": ran(job),
        "runs": runs_begun(job),
        "offers": offers(job, may_act=may_act),
        "cancel": proof_of(job, entries),
        "standing": blockers.look(job.id) if Status(job.status) is Status.QUEUED else None,
        "timeline": timeline(entries[:MOST_ENTRIES][::-1]),
        "timing": account,
        "bar_width": BAR_WIDTH,
        "shares": shares(account) if account else [],
        "has_older_entries": len(entries) > MOST_ENTRIES,
        "attempts": list(Attempt.objects.filter(job_id=job.id).defer("result").order_by("-epoch")),
        "documents": [
            ("Payload", shown(job.payload)),
            ("Result", shown(job.result)),
            ("Metadata", shown(job.metadata)),
            *([("Retry policy of its own", shown(job.retry_policy))] if job.retry_policy else []),
        ],
        "lines": lines[:LOG_TAIL][::-1],
        "has_older_lines": len(lines) > LOG_TAIL,
    }


def headline(job: Job) -> str:
    """What went wrong, in words first."""
    if job.exit_code is not None and (words := exit_words(job.exit_code)):
        return f"Exit {job.exit_code}: {words}"
    kind = (job.error_category or "unknown").replace("_", " ")
    return f"Exit {job.exit_code}: {kind}" if job.exit_code else f"Failed: {kind}"


def runs_begun(job: Job) -> int:
    """How many runs there were with the one in hand: one that is only waited for has not begun."""
    return job.attempt_number if job.claimed_at else job.attempts


def ran(job: Job) -> timedelta | None:
    return (job.completed_at or timezone.now()) - job.started_at if job.started_at else None


def offers(job: Job, *, may_act: bool) -> list[Offer]:
    """The verbs of staff, each with the reason when it is not possible now."""
    return [Offer(verb, place, _effect(job, verb), _obstacle(job, verb, may_act=may_act)) for place, verb in enumerate(OFFERED)]


def timeline(entries: Sequence[AuditEntry]) -> list[Moment]:
    """Entries in order; a status lasts until the next one that changes it, the last of a job that goes on until now."""
    changes = [entry for entry in entries if entry.from_status != entry.to_status]
    until = {earlier.pk: later.at for earlier, later in pairwise(changes)}
    return [Moment(entry, _lasted(entry, until.get(entry.pk))) for entry in entries]


def shares(account: Timing) -> list[Share]:
    """The bar of a job's time: each stretch as wide as it was long; together exactly BAR_WIDTH, unless no time has passed."""
    found, passed, whole = [], 0, max(1, account.microseconds)
    for stretch in account.stretches:
        begins = passed * BAR_WIDTH // whole
        passed += stretch.microseconds
        is_wait = stretch.state in {*Wait}
        found.append(Share(Status.QUEUED if is_wait else stretch.state, is_wait, begins, passed * BAR_WIDTH // whole - begins))
    return found


def _lasted(entry: AuditEntry, until: datetime | None) -> timedelta | None:
    if entry.from_status == entry.to_status or entry.to_status is None:
        return None
    if until is None:
        return None if Status(entry.to_status).is_terminal else timezone.now() - entry.at
    return until - entry.at


def _effect(job: Job, verb: Verb) -> str:
    if verb is Verb.RELEASE and job.cancel_requested_at:
        return "A cancel is pending, so the job ends cancelled."
    return _EFFECTS[verb]


def _obstacle(job: Job, verb: Verb, *, may_act: bool) -> str:
    status = Status(job.status)
    if verb not in verbs_from(status, ActorKind.USER):
        sources: set[Any] = set().union(*(rule.sources for rule in TABLE if rule.verb is verb and ActorKind.USER in rule.actors))
        words = " or ".join(source.value for source in Status if source in sources)
        return f"Only while {words}; this job is {status}."
    if not may_act:
        return "Needs the permission to change jobs."
    if verb is Verb.CANCEL and job.cancel_requested_at and status.is_live:
        return "Its orchestrator has been asked already."
    return ""
