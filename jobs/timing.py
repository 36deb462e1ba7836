"""Where the time of one job went, to the microsecond: read from its entries in the audit log."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from jobs import statements
from jobs.lifecycle import Status

# Of so many stretches each is told; of more, what those of a state come to.
_MOST_TOLD = 12
_MICROSECOND = timedelta(microseconds=1)


class Wait(StrEnum):
    """What a queued job waits for while its time has not come; from then on it is queued."""

    SCHEDULED = "scheduled"
    RETRY = "retry_wait"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What an entry says of time.

    Attributes:
        at: when it was written.
        attempt: of the entry.
        action: what was done.
        from_status: None for the first.
        to_status: the same as from_status when only the time that the job waits for was changed.
        due_at: for when the job was set (`due_told` in the database); None when for no new time.
    """

    at: datetime
    attempt: int
    action: str
    from_status: str | None
    to_status: str
    due_at: datetime | None = None


@dataclass(frozen=True)
class Stretch:
    """A time in one state; longer than none.

    Attributes:
        state: a status, or a Wait.
        attempt: the run that it belongs to, 1 for the first.
    """

    state: str
    attempt: int
    began_at: datetime
    ended_at: datetime

    @property
    def microseconds(self) -> int:
        return (self.ended_at - self.began_at) // _MICROSECOND


@dataclass(frozen=True)
class Timing:
    """The time of a job from its beginning to its end, or until now.

    Attributes:
        stretches: one after the other without a gap: they add up to the whole exactly.
        has_ended: the job is in a status in which it is not waited for.
    """

    began_at: datetime
    until: datetime
    has_ended: bool
    stretches: list[Stretch]

    @property
    def microseconds(self) -> int:
        return (self.until - self.began_at) // _MICROSECOND

    def __str__(self) -> str:
        return _told(self)


def of(job_id: str, *, now: datetime) -> Timing:
    """Where the time of a job went, also when the job itself is gone.

    Raises:
        LookupError: there never was one.
    """
    turns = [Turn(**row) for row in statements.run("turns", job_id=job_id)]
    if not turns:
        raise LookupError(f"the audit log knows no job {job_id}")
    return timing(turns, now=now)


def timing(turns: Sequence[Turn], *, now: datetime) -> Timing:
    """The account that the turns of a job give.

    Where the clock was put back between two entries, the later one counts as written at the time of the earlier: nothing is shorter than
    nothing, and the sum stays exact.

    Args:
        turns: at least one, in the order of their sequence.
        now: until when a job that has not ended is told.
    """
    pieces = list(_pieces(turns, now))
    # What stands between them took no time: the first half of a compound step, or a change of a time that made no difference.
    stretches = [_joined(list(same)) for _, same in groupby((piece for piece in pieces if piece.microseconds), _what)]
    return Timing(
        began_at=turns[0].at,
        until=pieces[-1].ended_at,
        has_ended=Status(turns[-1].to_status).is_terminal,
        stretches=stretches,
    )


def _pieces(turns: Sequence[Turn], now: datetime) -> Iterator[Stretch]:
    """From each turn to the next, cut where a waiting job's time comes; some last no time."""
    at, due, wait, attempt = turns[0].at, turns[0].at, Wait.SCHEDULED, turns[0].attempt
    for turn, until in zip(turns, [*(later.at for later in turns[1:]), _end(turns, now)], strict=True):
        if turn.due_at is not None:
            due, wait = turn.due_at, Wait.RETRY if turn.action == "retry" else Wait.SCHEDULED
        if turn.from_status != turn.to_status:
            attempt = turn.attempt
        ended = max(at, until)
        if turn.to_status == Status.QUEUED:
            came_due = min(max(at, due), ended)
            yield Stretch(wait, attempt, at, came_due)
            at = came_due
        yield Stretch(turn.to_status, attempt, at, ended)
        at = ended


def _end(turns: Sequence[Turn], now: datetime) -> datetime:
    return turns[-1].at if Status(turns[-1].to_status).is_terminal else now


def _what(piece: Stretch) -> tuple[str, int]:
    return piece.state, piece.attempt


def _joined(pieces: list[Stretch]) -> Stretch:
    return Stretch(pieces[0].state, pieces[0].attempt, pieces[0].began_at, pieces[-1].ended_at)


def _told(timing: Timing) -> str:
    """`41 m 10 s = queued 31:02 + claimed 0:04 + running 3:10 (attempt 1) + retry wait 5:00 + running 1:54 (attempt 2)`."""
    whole = timing.microseconds
    so_far = "" if timing.has_ended else " so far"
    # Less than a minute is told in thousandths, more in seconds.
    unit = 1_000 if whole < 60_000_000 else 1_000_000
    parts = _rounded([stretch.microseconds for stretch in timing.stretches], unit)
    if len(parts) > _MOST_TOLD:
        words = list(_summed(timing.stretches, parts, unit))
    else:
        several = len({stretch.attempt for stretch in timing.stretches}) > 1
        words = [
            f"{_named(stretch.state)} {_clock(part, unit)}"
            + (f" (attempt {stretch.attempt})" if several and stretch.state == "running" else "")
            for stretch, part in zip(timing.stretches, parts, strict=True)
        ]
    return f"{_length(sum(parts), unit)}{so_far}" + (f" = {' + '.join(words)}" if words else "")


def _rounded(lengths: Iterable[int], unit: int) -> list[int]:
    """Lengths in whole units, so that those told add up to the whole that is told: each end is rounded, not each length."""
    told, exactly, so_far = [], 0, 0
    for length in lengths:
        exactly += length
        upto = (exactly + unit // 2) // unit
        told.append(upto - so_far)
        so_far = upto
    return told


def _summed(stretches: Sequence[Stretch], parts: Sequence[int], unit: int) -> Iterator[str]:
    for state in dict.fromkeys(stretch.state for stretch in stretches):
        some = [part for stretch, part in zip(stretches, parts, strict=True) if stretch.state == state]
        yield f"{_named(state)} {_clock(sum(some), unit)}" + (f" ({len(some)} times)" if len(some) > 1 else "")


def _named(state: str) -> str:
    return state.replace("_", " ")


def _clock(count: int, unit: int) -> str:
    """`0.021 s`, `31:02`, `1:00:05`, `3 d 1:00:05`."""
    if unit < 1_000_000:
        return f"{count / 1000:.3f} s"
    minutes, seconds = divmod(count, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = f"{hours}:{minutes:02d}:{seconds:02d}" if days or hours else f"{minutes}:{seconds:02d}"
    return f"{days} d {clock}" if days else clock


def _length(count: int, unit: int) -> str:
    """`4.210 s`, `41 m 10 s`, `2 d 3 h`: what is nought is left out."""
    if unit < 1_000_000:
        return f"{count / 1000:.3f} s"
    minutes, seconds = divmod(count, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return " ".join(f"{number} {name}" for number, name in ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")) if number)
