"""How far holders have got: phase and progress stand beside the life of a job and are never a step of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from jobs import statements
from jobs.actors import Holder
from jobs.transitions import Ruling, Step, apply


@dataclass(frozen=True, kw_only=True)
class Note:
    """
    Attributes:
        phase: what the run is at, in a word or two; None leaves the stored one.
        progress: any JSON; None leaves the stored one.
    """

    phase: str | None = None
    progress: object = None


def report(told: Sequence[tuple[Step, Note | None]], *, by: Holder) -> list[Ruling]:
    """Asks the door for what a holder reports of its jobs, and stores what it notes beside; two statements, whatever the number.

    Of each job at most one change a second is stored, phase and progress together: the first of a burst. What is dropped of it is not lost
    for long, for every later note says where the run is by then; and the job of the ruling is told as it is stored.

    Args:
        told: a step for each job (a hold where there is nothing but the note), and its note.

    Returns:
        A ruling for each step, in their order.
    """
    steps = [step for step, _ in told]
    if not any(note for _, note in told):
        return apply(steps, by=by)
    # One transaction: what the door has judged stays locked until the note is written.
    with transaction.atomic():
        rulings = apply(steps, by=by)
        _store([(ruling, note) for ruling, (_, note) in zip(rulings, told, strict=True) if note and _is_held(ruling)])
    return rulings


def _is_held(ruling: Ruling) -> bool:
    """Whether the caller holds the job now. (The replay of a report says nothing of that.)"""
    return not ruling.is_refused and ruling.verdict != "replayed"


def _store(noted: Sequence[tuple[Ruling, Note]]) -> None:
    notes = [
        {"job_id": ruling.step_id, "phase": note.phase, "progress": note.progress, "with_start": ruling.verdict == "applied"}
        for ruling, note in noted
    ]
    stored = {row["id"]: row for row in statements.run("progress", notes=json.dumps(notes))} if notes else {}
    for ruling, _ in noted:
        if row := stored.get(ruling.step_id):
            ruling.known_job.__dict__.update(row)
