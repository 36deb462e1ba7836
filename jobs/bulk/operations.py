"""The acts on an operation itself: made with a preview, confirmed, paused, resumed, stopped. Each stands in the audit log."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from jobs import records, statements, times
from jobs.actors import Actor
from jobs.bulk.actions import ACTIONS
from jobs.bulk.selection import Selection, preview_of
from jobs.ids import new_ids
from jobs.models import BulkOperation, BulkState
from jobs.records import SiteAct
from jobs.verdicts import NO_SUCH_JOB

PREFIX = "bulk_"
SUBJECT = "bulk_operation"
# What no person does: it ends one that is done, or must not go on.
RUNNER = Actor.system("bulk runner")
PREVIEW_KEPT = timedelta(days=1)
# Each may have ten thousand items.
_FORGOTTEN_AT_ONCE = 5


class ForStaff(Exception):
    """The action is not for such an actor, whatever the job."""


class NotNow(Exception):
    """The operation is not in a state that allows this.

    Attributes:
        state: that it is in.
    """

    def __init__(self, operation: BulkOperation, act: SiteAct) -> None:
        super().__init__(f"Operation {operation.id} is {_TOLD[BulkState(operation.state)]}: {act} is not possible any more.")
        self.state = operation.state


class OtherNumber(Exception):
    """The operation would be about another number of jobs than who confirms it has seen.

    Attributes:
        matching: how many.
    """

    def __init__(self, matching: int, expected: int) -> None:
        super().__init__(f"{matching:,} jobs match, not {expected:,}. Look again, then confirm.")
        self.matching = matching


_TOLD = {state: state.label.lower() for state in BulkState} | {BulkState.PREVIEW: "not confirmed"}
# From which states each act leads where. One that leads where the operation is already changes nothing.
_ACTS = {
    SiteAct.CONFIRM: ({BulkState.PREVIEW}, BulkState.RUNNING),
    SiteAct.PAUSE: ({BulkState.RUNNING}, BulkState.PAUSED),
    SiteAct.RESUME: ({BulkState.PAUSED}, BulkState.RUNNING),
    SiteAct.STOP: ({BulkState.PREVIEW, BulkState.RUNNING, BulkState.PAUSED}, BulkState.STOPPED),
}


def create(
    action: str, selection: Selection, *, by: Actor, arguments: Mapping[str, Any] | None = None, form_key: str | None = None
) -> BulkOperation:
    """An operation with its preview; nothing happens to any job before it is confirmed.

    Args:
        action: a key of ACTIONS.
        arguments: that the action takes.
        form_key: of the form that asks for it; asked again by the same person under the same key, it is the operation that there is.

    Raises:
        ForStaff: the action is not for who asks.
        ValueError: an argument is missing or too much; of a filter, WrongFilter names what is wrong with it.
        TooManyJobs: there are too many.
    """
    chosen, arguments = ACTIONS[action], dict(arguments or {})
    if not chosen.is_for(by.kind):
        raise ForStaff(f"To {action} jobs is for staff.")
    chosen.check(arguments)
    (identifier,) = new_ids(1, prefix=PREFIX)
    operation = BulkOperation(
        id=identifier,
        action=action,
        arguments=arguments,
        filter=dict(selection.filter) if selection.filter is not None else None,
        only_made_by=selection.only_made_by,
        selection=selection.told,
        preview=preview_of(chosen, selection, by=by.kind),
        created_by_kind=by.kind,
        created_by=by.name,
        created_at=times.now(),
        form_key=form_key,
    )
    try:
        with transaction.atomic():
            operation.save(force_insert=True)
            if selection.filter is None:
                _freeze(operation, selection)
                operation.save()
            detail = {"action": action, "arguments": arguments, "selection": operation.selection}
            records.record(SiteAct.CREATE, subject_type=SUBJECT, subject_id=identifier, by=by, detail=detail)
    except IntegrityError:
        if form_key is None:
            raise
        return BulkOperation.objects.get(created_by=by.name, form_key=form_key)
    return operation


def confirm(operation_id: str, *, by: Actor, reason: str, expected: int | None = None) -> BulkOperation:
    """Settles which jobs it is about, once and for all, and lets it begin. What it does to them is done in the name of `by`.

    Args:
        expected: how many jobs it may be about, as its preview counts them; None for any number.

    Raises:
        BulkOperation.DoesNotExist: there is none.
        NotNow: it was stopped.
        TooManyJobs: meanwhile more jobs match than it may have.
        OtherNumber: it would be about more or fewer than expected.
    """
    with transaction.atomic():
        operation = _locked(operation_id)
        if operation.confirmed_at is not None and operation.state != BulkState.STOPPED:
            return operation
        _check(operation, SiteAct.CONFIRM)
        if operation.filter is not None:
            _freeze(operation, Selection(filter=operation.filter, only_made_by=operation.only_made_by))
        # (Nothing else is skipped yet than ids that are no jobs.)
        if expected is not None and (matching := (operation.selected or 0) - operation.skipped) != expected:
            raise OtherNumber(matching, expected)
        operation.confirmed_by_kind, operation.confirmed_by, operation.reason = by.kind, by.name, reason
        operation.confirmed_at = times.now()
        _lead_on(operation, SiteAct.CONFIRM, by=by, reason=reason, selected=operation.selected, shown=operation.preview["count"])
    return operation


def pause(operation_id: str, *, by: Actor, reason: str | None = None) -> BulkOperation:
    """No further batch begins until it is resumed. When this returns, none is under way."""
    return _act(SiteAct.PAUSE, operation_id, by, reason)


def resume(operation_id: str, *, by: Actor, reason: str | None = None) -> BulkOperation:
    """Goes on with what is left."""
    return _act(SiteAct.RESUME, operation_id, by, reason)


def stop(operation_id: str, *, by: Actor, reason: str | None = None) -> BulkOperation:
    """For good: what is left of it stays as it is. When this returns, no batch is under way."""
    return _act(SiteAct.STOP, operation_id, by, reason)


def forget_previews() -> bool:
    """Removes what nobody confirmed within a day, whether it was stopped or not.

    Returns:
        Whether there may be more at once.
    """
    return len(statements.run("forget_bulk_previews", kept_for=PREVIEW_KEPT, limit=_FORGOTTEN_AT_ONCE)) == _FORGOTTEN_AT_ONCE


def forget_ended() -> bool:
    """Removes what ended as long ago as failed jobs are kept, a day at least: who waits for the end shall see it.

    Returns:
        Whether there may be more at once.
    """
    if settings.KEEP_FAILED is None:
        return False
    kept_for = max(settings.KEEP_FAILED, PREVIEW_KEPT)
    return len(statements.run("forget_bulk_operations", kept_for=kept_for, limit=_FORGOTTEN_AT_ONCE)) == _FORGOTTEN_AT_ONCE


def _act(act: SiteAct, operation_id: str, by: Actor, reason: str | None) -> BulkOperation:
    with transaction.atomic():
        operation = _locked(operation_id)
        if operation.state != _ACTS[act][1]:
            _check(operation, act)
            _lead_on(operation, act, by=by, reason=reason)
    return operation


def _locked(operation_id: str) -> BulkOperation:
    """The operation, with its row held: waits for the batch under way."""
    return BulkOperation.objects.select_for_update(no_key=True).get(id=operation_id)


def _check(operation: BulkOperation, act: SiteAct) -> None:
    if operation.state not in _ACTS[act][0]:
        raise NotNow(operation, act)


def _lead_on(operation: BulkOperation, act: SiteAct, *, by: Actor, reason: str | None, **detail: Any) -> None:
    operation.state = _ACTS[act][1]
    operation.next_batch_at = Now() if operation.state == BulkState.RUNNING else None
    operation.ended_at = times.now() if operation.state == BulkState.STOPPED else None
    operation.save()
    operation.refresh_from_db(fields=["next_batch_at"])
    records.record(act, subject_type=SUBJECT, subject_id=operation.id, by=by, reason=reason, detail=detail or None)


def _freeze(operation: BulkOperation, selection: Selection) -> None:
    there, missing = selection.frozen()
    statements.run("freeze_bulk_items", operation_id=operation.id, there=there, missing=missing, missing_words=NO_SUCH_JOB)
    operation.selected, operation.skipped = len(there) + len(missing), len(missing)
