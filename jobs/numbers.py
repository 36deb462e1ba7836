"""Numbers of JSON as they come back from PostgreSQL, which keeps 1e22 as a whole number of 23 digits."""

import json
from typing import Any


class PlainNumbers(json.JSONDecoder):
    """Reads a whole number beyond 64 bits as the double it was sent as, so that what we tell can be sent to us again."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_int": _integer})


def read(text: str | bytes) -> Any:
    """The value that a text of PostgreSQL's jsonb holds."""
    return json.loads(text, cls=PlainNumbers)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 or -(2**63) <= int(digits) < 2**63 else float(digits)
