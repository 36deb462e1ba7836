"""Commands that wait for a bulk operation: they carry it out themselves, beside the sweep loops."""

import time

from django.core.management.base import CommandError

from jobs import bulk
from jobs.models import BulkOperation

_LOOK_EVERY_SECONDS = 0.2


def carry_out(operation: BulkOperation) -> None:
    """Does batches of it until it has ended, and brings it up to date.

    Raises:
        CommandError: the one who waits has had enough.
    """
    try:
        while operation.ended_at is None:
            # False also while somebody else is at it, while it is paused, or while its canaries run.
            if not bulk.run_batch(only=operation.id):
                time.sleep(_LOOK_EVERY_SECONDS)
            operation.refresh_from_db()
    except KeyboardInterrupt:
        raise CommandError(f"{operation.id} is {operation.state}, and the sweep loop goes on with it.") from None
