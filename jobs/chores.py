"""What the sweep loop does besides sweeping: work that nobody waits for in a request, a little of it in each round."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable

from django.conf import settings

from jobs import bulk, failure_groups, idempotency, retention, rollup, sweep_runs, throttling, vacuum
from jobs.actors import Actor
from jobs.alerts import Watchman
from jobs.webhooks import deliveries

log = logging.getLogger(__name__)

# Does a little of its work, and says whether more of it could be done at once. Any number of loops may run it at the same time, and each
# may be killed in the middle of it: what it has not committed is done by whoever comes next.
Chore = Callable[[], bool]
# What a loop gives to its chores in a round, before it sweeps again.
SECONDS_A_ROUND = 5.0


class Seldom:
    """A chore that has its turn once in so many seconds in each loop, until it has nothing more to do at once."""

    def __init__(self, chore: Chore, *, every_seconds: float) -> None:
        self._chore, self._every_seconds = chore, every_seconds
        self._not_before = 0.0
        self.__name__ = chore.__name__

    def __call__(self) -> bool:
        if time.monotonic() < self._not_before:
            return False
        more = self._chore()
        self._not_before = 0.0 if more else time.monotonic() + self._every_seconds
        return more


class Rota:
    """Whose turn it is. In a round each chore has one, after the sweep; those for which there is no time come first in the next round."""

    def __init__(self) -> None:
        self._turns = deque(CHORES)

    def do_round(
        self, *, seconds: float, before_each: Callable[[], object] = lambda: None, is_told_to_stop: Callable[[], bool] = lambda: False
    ) -> bool:
        """One that fails is told in the log, and keeps no other from its turn.

        Args:
            seconds: after so many no other is begun. (The first one is.)
            before_each: called before each turn.
            is_told_to_stop: asked before each turn.

        Returns:
            Whether there is more to do at once.
        """
        ends_at, more = time.monotonic() + seconds, False
        for nth in range(len(self._turns)):
            if is_told_to_stop():
                return False
            if nth and time.monotonic() >= ends_at:
                return True
            before_each()
            chore = self._turns[0]
            self._turns.rotate(-1)
            more |= _does_more(chore)
        return more


def do_chores() -> bool:
    """Does each once, however long that takes; whether there is more to do at once."""
    return Rota().do_round(seconds=math.inf)


def _does_more(chore: Chore) -> bool:
    try:
        return chore()
    except Exception:
        log.exception("%s failed; its next try is in the next round", chore.__name__)
        return False


def forget_old_failures() -> bool:
    """Counts of wrong tokens that are over."""
    throttling.forget_old_failures()
    return False


def forget_answers() -> bool:
    """Answers kept under the keys of callers, when their day is over."""
    idempotency.forget_expired()
    return False


def name_forgotten_transaction() -> bool:
    """Who holds back vacuum is named in the log."""
    vacuum.name_forgotten_transaction()
    return False


def run_bulk_operations() -> bool:
    """The next batch of the bulk operation whose turn it is."""
    return bulk.run_batch()


def forget_bulk_previews() -> bool:
    """Bulk operations that nobody confirmed."""
    return bulk.forget_previews()


def forget_bulk_operations() -> bool:
    """Bulk operations that ended long ago."""
    return bulk.forget_ended()


def fold_failures() -> bool:
    """Failures that are alike are counted in their groups."""
    return failure_groups.fold()


def forget_failure_counts() -> bool:
    """How many failed alike in hours that are long past."""
    return failure_groups.forget_counts()


def fold_figures() -> bool:
    """Figures by type are brought up to date from the log."""
    return rollup.fold()


def forget_minutes() -> bool:
    """Figures of minutes go when they are old; those of hours stay."""
    return rollup.forget_minutes()


def prune() -> bool:
    """What has outlived its time is deleted, where the settings say so."""
    return settings.PRUNE and _pruner.prune_a_little(by=Actor.sweep("retention"))


def forget_sweep_runs() -> bool:
    """What sweeps found, a month later."""
    return sweep_runs.forget_old_runs()


def forget_webhook_deliveries() -> bool:
    """Deliveries of webhooks, when it is of no interest any more what became of them."""
    return deliveries.forget()


def tell_alerts() -> bool:
    """What is told and not changed goes to the log, when it begins and when it is over."""
    _watchman.look()
    return False


_watchman = Watchman()
_pruner = retention.Pruner()
CHORES: tuple[Chore, ...] = (
    fold_failures,
    run_bulk_operations,
    forget_bulk_previews,
    forget_old_failures,
    forget_answers,
    name_forgotten_transaction,
    fold_figures,
    forget_minutes,
    Seldom(prune, every_seconds=600),
    Seldom(forget_sweep_runs, every_seconds=600),
    Seldom(forget_bulk_operations, every_seconds=600),
    Seldom(forget_failure_counts, every_seconds=600),
    Seldom(forget_webhook_deliveries, every_seconds=600),
    # It costs more than a sweep that finds nothing, and nobody acts on it within seconds.
    Seldom(tell_alerts, every_seconds=30),
)
