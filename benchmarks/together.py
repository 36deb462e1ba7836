"""Work by several processes at once, on one clock from the first claim to the last completion."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Self, TypeVar

# New interpreters rather than forks: what this process holds open (connections, threads) is not theirs.
_PROCESSES = multiprocessing.get_context("spawn")
_START_WITHIN_SECONDS = 60
_everybody: Any = None
Result = TypeVar("Result")


@dataclass(frozen=True)
class Shift:
    """What one process did.

    Attributes:
        began, ended: by the monotonic clock, which all processes of a machine share.
        jobs: ids of those it completed.
        cpu_seconds: that it ran on a core meanwhile.
    """

    began: float
    ended: float
    jobs: Sequence[str]
    cpu_seconds: float

    @classmethod
    def over(cls, began: "Begun", jobs: Sequence[str]) -> Self:
        """One that ends now."""
        return cls(began.at, time.monotonic(), jobs, time.process_time() - began.cpu_seconds)


@dataclass(frozen=True)
class Begun:
    """When a shift began: by the clock, and on a core."""

    at: float
    cpu_seconds: float


def together(work: Callable[..., Shift], arguments: Sequence[Sequence[object]], *, jobs: int) -> float:
    """Jobs a second that a number of processes complete, begun at the same moment; see `shifts`."""
    return speed(shifts(work, arguments, jobs=jobs))


def shifts(work: Callable[..., Shift], arguments: Sequence[Sequence[object]], *, jobs: int) -> list[Shift]:
    """What a number of processes do together.

    Args:
        work: a function of a module; it waits with `begin` once it is ready.
        arguments: those of each process.
        jobs: how many there are to complete.

    Raises:
        RuntimeError: not every job was completed exactly once.
    """
    done = all_at_once(work, arguments)
    completed = [job for shift in done for job in shift.jobs]
    if len(completed) != jobs or len({*completed}) != jobs:
        raise RuntimeError(f"of {jobs} jobs {len({*completed})} were completed, in {len(completed)} completions")
    return done


def all_at_once(work: Callable[..., Result], arguments: Sequence[Sequence[object]]) -> list[Result]:
    """What each of a number of processes returns, begun at the same moment; arguments as `together`."""
    barrier = _PROCESSES.Barrier(len(arguments))
    with ProcessPoolExecutor(len(arguments), mp_context=_PROCESSES, initializer=_meet_at, initargs=(barrier,)) as processes:
        return [result.result() for result in [processes.submit(work, *each) for each in arguments]]


def speed(shifts: Sequence[Shift]) -> float:
    """Jobs a second, from when the first began to when the last ended."""
    return sum(len(shift.jobs) for shift in shifts) / (max(shift.ended for shift in shifts) - min(shift.began for shift in shifts))


def begin() -> Begun:
    """Waits for the other processes."""
    _everybody.wait(_START_WITHIN_SECONDS)
    return Begun(time.monotonic(), time.process_time())


def _meet_at(barrier: Any) -> None:
    global _everybody
    _everybody = barrier
