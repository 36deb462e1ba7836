"""Carries confirmed operations out, a batch at a time.

The jobs of a batch, what became of its items and the sums of the operation are committed together: however often a runner is killed, each
item is done exactly once. A runner holds the row of its operation, so two of them never work on the same one; who pauses or stops it waits
for the batch under way.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import Error, connection, transaction
from django.db.models.functions import Now
from psycopg.errors import DeadlockDetected, LockNotAvailable

from jobs import records, statements, times
from jobs.bulk.actions import ACTIONS
from jobs.bulk.canary import Stage, halt, is_trying, stage_of
from jobs.bulk.operations import RUNNER, SUBJECT
from jobs.lifecycle import Conflict
from jobs.models import BulkOperation, BulkState, ItemOutcome
from jobs.records import SiteAct
from jobs.verdicts import NO_SUCH_JOB, Verdict

BATCH = 500
# An item whose job somebody else has locked comes again so often, at least so long apart where nothing else is left.
MOST_TRIES = 30
_PAUSE = timedelta(seconds=2)
# What is still waited for, inside the door, is the unique key of a job that another transaction is just putting there.
_PATIENCE_MILLISECONDS = 500
_LATER = None
_Fate = tuple[ItemOutcome | None, str | None]


def run_batch(*, only: str | None = None) -> bool:
    """Takes the operation whose turn it is and does its next items.

    Args:
        only: this operation, and no other.

    Returns:
        Whether more could be done at once; False also when another runner is at it.
    """
    operation = None
    try:
        with transaction.atomic():  # All of a batch or nothing.
            operation = _next(only)
            return operation is not None and _carry_on(operation)
    except Exception:
        if operation is not None:
            _put_off(operation)
        raise


def _next(only: str | None) -> BulkOperation | None:
    running = BulkOperation.objects.filter(state=BulkState.RUNNING, next_batch_at__lte=Now())
    chosen = running if only is None else running.filter(id=only)
    return chosen.order_by("next_batch_at", "id").select_for_update(no_key=True, skip_locked=True).first()


def _put_off(operation: BulkOperation) -> None:
    """One that broke off for whatever reason would be the next again: others come first."""
    with suppress(Error), transaction.atomic():
        BulkOperation.objects.filter(id=operation.id, state=BulkState.RUNNING).update(next_batch_at=Now() + _PAUSE)


def _carry_on(operation: BulkOperation) -> bool:
    stage = stage_of(operation, most=BATCH)
    if not stage.most:
        _rest(operation, stage)
        return False
    statements.run("wait_at_most", milliseconds=str(_PATIENCE_MILLISECONDS))
    items = statements.run("next_bulk_items", operation_id=operation.id, limit=stage.most)
    fates = _fates(operation, items, stage)
    statements.run(
        "mark_bulk_items",
        operation_id=operation.id,
        ordinals=[item["ordinal"] for item in items],
        outcomes=[fate[0] for fate in fates],
        words=[fate[1] for fate in fates],
    )
    return _add_up(operation, Counter(outcome for outcome, _ in fates))


def _rest(operation: BulkOperation, stage: Stage) -> None:
    if stage.halted:
        halt(operation, stage.halted)
    else:
        operation.next_batch_at = Now() + _PAUSE
        operation.save(update_fields=["next_batch_at"])


def _fates(operation: BulkOperation, items: Sequence[statements.Row], stage: Stage) -> list[_Fate]:
    """The outcome of each item and its words; none for those that are left for later."""
    free = [item["job_id"] for item in items if item["free"]]
    verdicts = _verdicts(operation, free, stage.not_before(free))
    fates: list[_Fate] = []
    for item in items:
        verdict = verdicts.get(item["job_id"])
        if isinstance(verdict, Verdict):
            fates.append((ItemOutcome.CHANGED if verdict.changed else ItemOutcome.SKIPPED, verdict.words))
        elif isinstance(verdict, str):
            fates.append((ItemOutcome.FAILED, verdict))
        elif not item["there"]:
            fates.append((ItemOutcome.SKIPPED, NO_SUCH_JOB))
        elif item["tries"] + 1 >= MOST_TRIES:
            fates.append((ItemOutcome.FAILED, f"somebody else had the job locked, {MOST_TRIES} times"))
        else:
            fates.append((_LATER, None))
    return fates


def _verdicts(operation: BulkOperation, ids: Sequence[str], not_before: Mapping[str, datetime]) -> dict[str, Verdict | str | None]:
    """What became of each job; text for what the database said of one that it refused, None for one that has to wait.

    One that fails must not keep the others from their turn: then they are done in halves, down to the one that it is.
    """
    if not ids:
        return {}
    try:
        with transaction.atomic():
            done = ACTIONS[operation.action].apply(
                ids, operation.arguments, by=operation.actor, reason=operation.reason, not_before=not_before
            )
            return dict(zip(ids, done, strict=True))
    except (Error, Conflict) as error:
        if isinstance(error, Error) and (connection.connection is None or connection.connection.closed):
            raise
        if len(ids) == 1:
            return {ids[0]: None if _passes(error) else f"the database refused: {_said(error)}"}
    half = len(ids) // 2
    return _verdicts(operation, ids[:half], not_before) | _verdicts(operation, ids[half:], not_before)


def _passes(error: Exception) -> bool:
    """Whether it may be otherwise a moment later."""
    return isinstance(error, Conflict) or isinstance(error.__cause__, LockNotAvailable | DeadlockDetected)


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _add_up(operation: BulkOperation, counts: Counter[ItemOutcome | None]) -> bool:
    operation.changed += counts[ItemOutcome.CHANGED]
    operation.skipped += counts[ItemOutcome.SKIPPED]
    operation.failed += counts[ItemOutcome.FAILED]
    came_on = any(counts[outcome] for outcome in ItemOutcome)
    operation.next_batch_at = Now() if came_on else Now() + _PAUSE
    # What has only canaries is done when they are judged, too.
    if not operation.pending and not is_trying(operation):
        operation.state, operation.next_batch_at, operation.ended_at = BulkState.DONE, None, times.now()
        records.record(SiteAct.FINISH, subject_type=SUBJECT, subject_id=operation.id, by=RUNNER, detail=operation.outcomes)
    operation.save(update_fields=["changed", "skipped", "failed", "state", "next_batch_at", "ended_at"])
    return came_on and operation.state == BulkState.RUNNING
