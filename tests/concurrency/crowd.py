"""Several at once: work that threads or processes begin at the same moment."""

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

import django

Result = TypeVar("Result")
_START_WITHIN_SECONDS = 60


def in_threads(works: Sequence[Callable[[], Result]]) -> list[Result]:
    """Does each work in a thread with a database connection of its own, all begun at one moment.

    Returns:
        What each returned, in their order; the first exception of any is raised when all have ended.
    """
    gate = threading.Barrier(len(works))

    def alone(work: Callable[[], Result]) -> Result:
        from django.db import connection

        try:
            gate.wait(_START_WITHIN_SECONDS)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(alone, work) for work in works]]


def in_processes(work: Callable[..., Result], arguments: Iterable[tuple[Any, ...]]) -> list[Result]:
    """Calls a function of a module once for each tuple of arguments, in processes of their own with Django set up, begun at one moment.

    Returns:
        What each returned, in their order; the first exception of any is raised when all have ended.
    """
    calls = list(arguments)
    # Spawned, not forked: connections, their pool and its threads don't survive a fork.
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(len(calls))
    with ProcessPoolExecutor(len(calls), mp_context=context, initializer=_begin, initargs=(gate,)) as processes:
        return [future.result() for future in [processes.submit(work, *call) for call in calls]]


def deadlocks() -> int:
    """How many there were in this database. (A backend hands in what it has counted when it ends: ask when all of them have.)"""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select deadlocks from pg_stat_database where datname = current_database()")
        return int(cursor.fetchone()[0])


def _begin(gate: threading.Barrier) -> None:
    django.setup()
    gate.wait(_START_WITHIN_SECONDS)
