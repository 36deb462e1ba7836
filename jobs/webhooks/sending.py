"""The sender: takes what is due, posts it from many threads, writes down what became of it. Any number may run, and each may be killed."""

import logging
import queue
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from jobs import times
from jobs.webhooks import deliveries, events, signing
from jobs.webhooks.deliveries import Taken
from jobs.webhooks.posting import Answer, Poster

log = logging.getLogger(__name__)

MOST_AT_ONCE = 64


class Sender:
    """Posts deliveries from its threads; the database is asked by the one that calls `work` alone.

    Args:
        most_at_once: how many are under way at a time, of all endpoints together.
    """

    def __init__(self, most_at_once: int = MOST_AT_ONCE) -> None:
        self._most = most_at_once
        self._threads = ThreadPoolExecutor(most_at_once, thread_name_prefix="webhook")
        self._resolvers = ThreadPoolExecutor(most_at_once, thread_name_prefix="resolve")
        self._poster = Poster(self._resolvers)
        self._answers: queue.SimpleQueue[tuple[Taken, Answer]] = queue.SimpleQueue()
        # Told by their receivers, and not written down yet: kept while the database is away.
        self._unwritten: list[tuple[Taken, Answer]] = []
        self._under_way = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        """Waits for what is under way, and writes it down."""
        self._threads.shutdown(wait=True)
        self._resolvers.shutdown(wait=False, cancel_futures=True)
        if kind is None:
            self._write_down()

    def work(self) -> bool:
        """One round: writes down what has come back, makes deliveries of new changes, begins with what is due.

        Returns:
            Whether there may be more to do at once.
        """
        self._write_down()
        more_changes = events.fold()
        taken = deliveries.take(self._most - self._under_way) if self._under_way < self._most else []
        for each in taken:
            self._under_way += 1
            self._threads.submit(self._post, each)
        return more_changes or bool(taken)

    def rest(self, seconds: float) -> None:
        """Until an answer has come, or for so long."""
        if self._unwritten:
            return
        try:
            self._unwritten.append(self._answers.get(timeout=seconds))
            self._under_way -= 1
        except queue.Empty:
            return

    @property
    def is_idle(self) -> bool:
        return not self._under_way and not self._unwritten

    def _post(self, taken: Taken) -> None:
        try:
            at = times.now()
            signed = signing.headers(taken.body, event_id=taken.event_id, at=at, keys=taken.keys)
            answer = self._poster.post(taken.url, taken.body, headers=signed)
        except Exception as error:
            # A fault of ours. (Its text might hold what was signed with.)
            log.exception("webhook %s could not be tried", taken.event_id)
            answer = Answer(at=times.now(), seconds=0.0, error=f"could not be tried: {type(error).__name__}")
        self._answers.put((taken, answer))

    def _write_down(self) -> None:
        while not self._answers.empty():
            self._unwritten.append(self._answers.get())
            self._under_way -= 1
        if self._unwritten:
            deliveries.settle(self._unwritten)
            self._unwritten = []
