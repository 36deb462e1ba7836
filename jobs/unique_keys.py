"""At most one job that has not ended has a given unique key: an index of the database decides, and whom it refuses looks once more."""

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from jobs.lifecycle import Conflict

CONSTRAINT = "jobs_unique_key"
Made = TypeVar("Made")
_TRIES = 5


def looking_again(act: Callable[[], Made]) -> Made:
    """Does what may meet the key of a job that another transaction is just putting there.

    Args:
        act: looks who has the key, then writes. Done again with a new snapshot when the index refused: by then the winner is seen, or has
            ended already and the key is free.

    Raises:
        Conflict: jobs with the key come and go too fast to be seen.
    """
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return act()
        except IntegrityError as error:
            refusal = error.__cause__
            if not isinstance(refusal, UniqueViolation) or refusal.diag.constraint_name != CONSTRAINT:
                raise
    raise Conflict("Other jobs with this unique key come and go. Send the same request again.", job_id="")
