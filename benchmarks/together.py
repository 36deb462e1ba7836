"""Work by several processes at once, on one clock from the first claim to the last completion."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

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
    """

    began: float
    ended: float
    jobs: Sequence[str]


def together(work: Callable[..., Shift], arguments: Sequence[Sequence[object]], *, jobs: int) -> float:
    """Jobs a second that a number of processes complete, begun at the same moment.

    Args:
        work: a function of a module; it waits with `begin` once it is ready.
        arguments: those of each process.
        jobs: how many there are to complete.

    Raises:
        RuntimeError: not every job was completed exactly once.
    """
    shifts = all_at_once(work, arguments)
    completed = [job for shift in shifts for job in shift.jobs]
    if len(completed) != jobs or len({*completed}) != jobs:
        raise RuntimeError(f"of {jobs} jobs {len({*completed})} were completed, in {len(completed)} completions")
    return jobs / (max(shift.ended for shift in shifts) - min(shift.began for shift in shifts))


def all_at_once(work: Callable[..., Result], arguments: Sequence[Sequence[object]]) -> list[Result]:
    """What each of a number of processes returns, begun at the same moment; arguments as `together`."""
    barrier = _PROCESSES.Barrier(len(arguments))
    with ProcessPoolExecutor(len(arguments), mp_context=_PROCESSES, initializer=_meet_at, initargs=(barrier,)) as processes:
        return [result.result() for result in [processes.submit(work, *each) for each in arguments]]


def begin() -> float:
    """Waits for the other processes; the time then."""
    _everybody.wait(_START_WITHIN_SECONDS)
    return time.monotonic()


def _meet_at(barrier: Any) -> None:
    global _everybody
    _everybody = barrier
