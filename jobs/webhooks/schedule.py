"""When a delivery is tried again, and when it is given up."""

import random
from dataclasses import dataclass

from jobs.models import DeliveryState
from jobs.webhooks.posting import Answer

# Seconds before each try, counted from the one before it: three days and a half, all together.
DELAYS = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# Nobody is left alone for longer because of what an answer says.
LONGEST_SILENCE_SECONDS = 3600.0
# Added by chance, so that what failed together does not come again together.
_JITTER = 0.2


@dataclass(frozen=True)
class Verdict:
    """What follows from a try.

    Attributes:
        state: of the delivery.
        delay_seconds: until the next try, if there is one.
    """

    state: DeliveryState
    delay_seconds: float = 0.0


def judged(answer: Answer, *, step: int) -> Verdict:
    """What a try comes to.

    Args:
        step: how many tries came before it.
    """
    if answer.error is None:
        return Verdict(DeliveryState.DELIVERED)
    if step + 1 >= len(DELAYS):
        return Verdict(DeliveryState.FAILED)
    planned = DELAYS[step + 1] * (1 + _JITTER * random.random())  # noqa: S311  not a secret
    return Verdict(DeliveryState.PENDING, max(planned, silence_seconds(answer)))


def silence_seconds(answer: Answer) -> float:
    """For how long the endpoint is left alone."""
    return min(answer.silence_seconds or 0.0, LONGEST_SILENCE_SECONDS)
