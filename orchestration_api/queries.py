"""What stands behind the question mark: read strictly, whatever is not known is refused."""

import re
from datetime import datetime
from typing import TypeVar

from rest_framework.request import Request

from jobs import times
from orchestration_api.exceptions import WireError

Default = TypeVar("Default", int, None)


def only(request: Request, *names: str) -> None:
    """Makes sure that nothing but these is asked, and each at most once.

    Raises:
        WireError: naming what is too much.
    """
    if unknown := sorted(set(request.query_params) - set(names)):
        raise WireError(
            "VALIDATION_INVALID_PARAMS", f"Unknown: {', '.join(unknown)}.", fields={name: ["is not known here"] for name in unknown}
        )
    if twice := sorted(name for name, values in request.query_params.lists() if len(values) > 1):
        raise WireError(
            "VALIDATION_INVALID_PARAMS",
            f"Sent more than once: {', '.join(twice)}. Write several values with commas.",
            fields={name: ["is sent more than once"] for name in twice},
        )


def word(request: Request, name: str) -> str | None:
    """A word of the query, or None where it is not there.

    Raises:
        WireError: it is empty: a slip of whoever asks, not a wish for everything.
    """
    text = request.query_params.get(name)
    if text == "":
        raise WireError("VALIDATION_INVALID_PARAMS", f"{name} is empty.", fields={name: ["is empty"]})
    return text


def whole(request: Request, name: str, least: int, most: int, *, default: Default) -> int | Default:
    """A whole number of the query, or the default where it is not there.

    Raises:
        WireError: it is no number, or out of range.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (re.fullmatch(r"-?\d{1,19}", text, re.ASCII) and least <= int(text) <= most):
        raise WireError(
            "VALIDATION_INVALID_PARAMS", f"{name} must be a whole number from {least} to {most}.", fields={name: ["out of range"]}
        )
    return int(text)


def moment(request: Request, name: str, *, default: datetime) -> datetime:
    """A time of the query, or the default where it is not there.

    Raises:
        WireError: it is no time.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return times.read(text)
    except ValueError as error:
        raise WireError("VALIDATION_INVALID_PARAMS", f"{name}: {error}.", fields={name: [str(error)]}) from None
