"""Numbers of JSON as they come back from PostgreSQL, which keeps 1e22 as a whole number of 23 digits."""

import json
from typing import Any

import msgspec


def read(text: bytes) -> Any:
    """The value that a text of PostgreSQL's jsonb holds.

    A whole number beyond 64 bits is the double it was sent as, so that what we tell can be sent to us again.
    """
    # Only what has so many digits in a row can hold such a number; all else is read many times faster.
    if _LONG in text.translate(_DIGITS_AS_NOUGHTS):
        return json.loads(text, parse_int=_integer)
    return msgspec.json.decode(text)


class PlainNumbers(json.JSONDecoder):
    """The same, as the decoder of a JSONField of Django."""

    def __init__(self) -> None:
        """Nothing is set up: Django makes a decoder for each value that it reads."""

    def decode(self, text: str) -> Any:  # type: ignore[override]  # not asked for a place in the text
        return read(text.encode())


_LONG = b"0" * 19
_DIGITS_AS_NOUGHTS = bytes.maketrans(b"123456789", b"0" * 9)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 or -(2**63) <= int(digits) < 2**63 else float(digits)
