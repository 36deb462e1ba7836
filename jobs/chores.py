"""What the sweep loop does besides sweeping: work that nobody waits for in a request, a little of it in each round."""

import logging
from collections.abc import Callable

from jobs import bulk, idempotency, throttling, vacuum

log = logging.getLogger(__name__)

# Does a little of its work, and says whether more of it could be done at once. Any number of loops may run it at the same time, and each
# may be killed in the middle of it: what it has not committed is done by whoever comes next.
Chore = Callable[[], bool]


def do_chores() -> bool:
    """Does each once, after the sweep. One that fails is told in the log, and keeps no other from its turn.

    Returns:
        Whether there is more to do at once.
    """
    # Each gets its turn, whatever those before it say.
    more = [_does_more(chore) for chore in CHORES]
    return any(more)


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


CHORES: tuple[Chore, ...] = (run_bulk_operations, forget_bulk_previews, forget_old_failures, forget_answers, name_forgotten_transaction)
