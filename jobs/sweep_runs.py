"""What sweeps leave behind about themselves: a row a rule, and for those by hand an entry in the audit log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from jobs import statements
from jobs.actors import Actor
from jobs.records import SiteAct, record
from jobs.rules import CHANGING, NAMES, Narrowing
from jobs.watch import Brake

KEPT_DAYS = 30
_FORGOTTEN_AT_ONCE = 1000


@dataclass(frozen=True)
class ByHand:
    """Who wants a sweep now, and why."""

    actor: Actor
    reason: str | None = None


def note(
    found: Mapping[str, int],
    *,
    narrowing: Narrowing,
    seconds: float,
    dry_run: bool,
    brake: Brake | None,
    by: Actor,
    by_hand: ByHand | None,
) -> None:
    """Writes down a sweep: always one by hand; of a loop what changed something, and otherwise one run of each rule an hour.

    Args:
        found: how many jobs by each rule; none by the others.
        by: who swept.
        by_hand: who wanted it; None for a loop, which looks at other times for what it only tells.
    """
    rules = [rule for rule in narrowing.rules if rule in (NAMES if by_hand else CHANGING)]
    changed = {rule: 0 if dry_run or rule not in CHANGING else found.get(rule, 0) for rule in rules}
    statements.run(
        "note_sweep",
        rules=json.dumps([{"rule": rule, "found": found.get(rule, 0), "changed": changed[rule]} for rule in rules]),
        seconds=seconds,
        actor=by_hand.actor.name if by_hand else by.name,
        reason=by_hand.reason if by_hand else None,
        by_hand=by_hand is not None,
        dry_run=dry_run,
        brake=brake.reason if brake else None,
    )
    if by_hand and not dry_run and (any(changed.values()) or by_hand.reason):
        whole = set(narrowing.rules) == {*NAMES}
        record(
            SiteAct.SWEEP,
            subject_type="sweep",
            subject_id="all rules" if whole else ",".join(narrowing.rules)[:128],
            by=by_hand.actor,
            reason=by_hand.reason,
            detail={"changed": {rule: count for rule, count in changed.items() if count}},
        )


def forget_old_runs() -> bool:
    """Removes the runs that are more than KEPT_DAYS old, some at a time; whether there may be more."""
    return len(statements.run("forget_sweep_runs", days=KEPT_DAYS, limit=_FORGOTTEN_AT_ONCE)) == _FORGOTTEN_AT_ONCE


@dataclass(frozen=True)
class SweepState:
    """
    Attributes:
        is_promised: somebody sweeps again and again, and has said when the next time will be.
        is_overdue: and it was not kept.
        at, by, moved: when the sweep was that wrote down its runs last, whose it was and how many jobs it moved; None when there was none.
            (A loop that finds nothing writes once an hour.)
    """

    is_promised: bool
    is_overdue: bool
    at: datetime | None
    by: str | None
    moved: int | None


def state() -> SweepState:
    """Whether somebody sweeps, and what the last sweep that is known did."""
    (row,) = statements.run("sweep_state")
    return SweepState(
        is_promised=row["sweeper_due_by"] is not None,
        is_overdue=bool(row["is_overdue"]),
        at=row["at"],
        by=row["actor"],
        moved=row["changed"],
    )
