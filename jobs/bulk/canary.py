"""Retries a failure group with care: a few canaries first, and the rest only when these have completed.

It is a bulk operation like any other, with a stage before each batch. Canaries are judged by what the log tells of them since they were
retried. When one of them fails, or is cancelled, the operation stops; what is left of it stays failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from jobs import records, statements, triage
from jobs.actors import Actor
from jobs.bulk import operations
from jobs.bulk.selection import MOST, Selection
from jobs.lifecycle import Status, Verb
from jobs.models import BulkOperation, BulkState, CanaryRetry, CanaryState, FailureGroup, Job
from jobs.records import SiteAct

CANARIES = 3
MOST_CANARIES = 100
LONGEST_SPREAD = timedelta(days=7)


class NothingToRetry(Exception):
    """No job of the group stands failed."""


class UnderWay(Exception):
    """The group is being retried already.

    Attributes:
        operation_id: by which operation.
    """

    def __init__(self, operation_id: str) -> None:
        super().__init__(f"This failure group is being retried already, by {operation_id}.")
        self.operation_id = operation_id


@dataclass(frozen=True)
class Stage:
    """What an operation may do next.

    Attributes:
        most: items; 0: it has to wait.
        spread_from: of jobs that are spread over a time, when that begins, or went on so far; None when all may run at once.
        step: from one of them to the next.
        halted: why it may go on no more; empty when it may.
    """

    most: int
    spread_from: datetime | None = None
    step: timedelta = timedelta(0)
    halted: str = ""

    def not_before(self, job_ids: Sequence[str]) -> dict[str, datetime]:
        """When each may run; those that are not in it at once."""
        if self.spread_from is None:
            return {}
        return {job_id: self.spread_from + self.step * place for place, job_id in enumerate(job_ids, 1)}


def retry_group(fingerprint: str, *, by: Actor, reason: str, canaries: int = CANARIES, over: timedelta = timedelta(0)) -> BulkOperation:
    """Lets jobs of a group that stand failed run again, at most 10,000: those that failed first. The oldest of them are the canaries.

    Args:
        by: who confirms it; it acts on the jobs in that name.
        canaries: how many are tried first.
        over: how long a time the rest is spread over, evenly, once the canaries have completed.

    Returns:
        The operation, which the sweep loop carries out.

    Raises:
        ValueError: there are too few or too many canaries, or the time is too long.
        triage.NoSuchGroup: there is none.
        NothingToRetry, UnderWay: as they say.
    """
    if not 1 <= canaries <= MOST_CANARIES:
        raise ValueError(f"From 1 to {MOST_CANARIES} canaries can be tried.")
    if not timedelta(0) <= over <= LONGEST_SPREAD:
        raise ValueError(f"The rest can be spread over at most {LONGEST_SPREAD.days} days.")
    with transaction.atomic():
        # Its row is held, so that of two who ask at once one is told of the other.
        group = FailureGroup.objects.select_for_update().filter(fingerprint=fingerprint).first()
        if group is None:
            raise triage.NoSuchGroup(f"There is no failure group {fingerprint}.")
        if under_way := _under_way(fingerprint):
            raise UnderWay(under_way)
        selection = failed_alike(group, canaries=canaries)
        if not selection.ids:
            raise NothingToRetry(f"No job of the failure group {fingerprint} stands failed.")
        operation = operations.create(Verb.RETRY, selection, by=by)
        CanaryRetry.objects.create(
            operation_id=operation.id, fingerprint=fingerprint, canaries=canaries, over_seconds=int(over.total_seconds())
        )
        detail = {"operation": operation.id, "jobs": len(selection.named), "canaries": canaries, "overSeconds": int(over.total_seconds())}
        records.record(SiteAct.RETRY, subject_type="failure_group", subject_id=fingerprint, by=by, reason=reason, detail=detail)
        return operations.confirm(operation.id, by=by, reason=reason)


def failed_alike(group: FailureGroup, *, canaries: int = CANARIES) -> Selection:
    """What the retry of a group is about, as of now: its jobs that stand failed, at most 10,000, those that failed first."""
    failed = Job.objects.filter(status=Status.FAILED, fingerprint=group.fingerprint).order_by("updated_at", "id")
    words = f"failed alike: {group.title} ({group.type}), {canaries} first"
    return Selection(ids=list(failed.values_list("id", flat=True)[:MOST]), words=words)


def last_retry(fingerprint: str) -> CanaryRetry | None:
    """The newest retry of a group."""
    return CanaryRetry.objects.filter(fingerprint=fingerprint).order_by("-operation_id").first()


def stage_of(operation: BulkOperation, *, most: int) -> Stage:
    """What comes next; for who has locked the operation.

    Args:
        most: of items in any batch.
    """
    retry = CanaryRetry.objects.filter(operation_id=operation.id).first()
    if retry is None:
        return Stage(most)
    if retry.state == CanaryState.TRYING:
        if operation.pending and (wanting := retry.canaries - operation.changed) > 0:
            return Stage(min(most, wanting))
        if not _judged(retry):
            return Stage(0)
    return Stage(0, halted=str(retry.words)) if retry.state == CanaryState.HALTED else _rest(retry, operation, most)


def is_trying(operation: BulkOperation) -> bool:
    """Whether its canaries are still to be judged."""
    return CanaryRetry.objects.filter(operation_id=operation.id, state=CanaryState.TRYING).exists()


def halt(operation: BulkOperation, why: str) -> None:
    """Ends an operation for good; for who has locked it."""
    operation.state, operation.next_batch_at, operation.ended_at = BulkState.STOPPED, None, Now()
    operation.save(update_fields=["state", "next_batch_at", "ended_at"])
    records.record(SiteAct.STOP, subject_type=operations.SUBJECT, subject_id=operation.id, by=operations.RUNNER, reason=why)


def _under_way(fingerprint: str) -> str | None:
    last = last_retry(fingerprint)
    going_on = BulkOperation.objects.filter(state__in=[BulkState.RUNNING, BulkState.PAUSED])
    return last.operation_id if last and going_on.filter(id=last.operation_id).exists() else None


def _judged(retry: CanaryRetry) -> bool:
    """Whether the canaries have told how it goes; written down if so."""
    outcomes = statements.run("canary_outcomes", operation_id=retry.operation_id)
    why = next((_why(one, retry.fingerprint) for one in outcomes if one["action"] in ("fail", "cancel")), None)
    if why is None and any(one["action"] is None for one in outcomes):
        return False
    retry.state, retry.words, retry.judged_at = CanaryState.HALTED if why else CanaryState.PASSED, why, Now()
    retry.save()
    retry.refresh_from_db()
    return True


def _why(outcome: statements.Row, fingerprint: str) -> str:
    job_id = outcome["job_id"]
    if outcome["action"] == "cancel":
        return f"The canary {job_id} was cancelled."
    if outcome["fingerprint"] == fingerprint:
        return f"The canary {job_id} failed again in the same way."
    return f"The canary {job_id} failed in another way: {outcome['error']}"


def _rest(retry: CanaryRetry, operation: BulkOperation, most: int) -> Stage:
    """The rest, evenly from the moment when the canaries were judged; what was held up beyond its time, from now on."""
    rest = (operation.selected or 0) - retry.canaries
    if not retry.over_seconds or rest < 1:
        return Stage(most)
    (last,) = statements.run("last_spread", operation_id=operation.id, judged_at=retry.judged_at, batch=most)
    return Stage(most, last["at"], timedelta(seconds=retry.over_seconds) / rest)
