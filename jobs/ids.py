"""Ids of jobs: time-ordered, unguessable, ascending within one request (the layout of a ULID: https://github.com/ulid/spec).

And what the ids that others choose must look like.
"""

import re
import secrets
import time

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
PREFIX = "job_"
_FORM = re.compile(r"[A-Za-z0-9._:-]{1,50}")
_ORCHESTRATOR = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def new_ids(count: int, *, prefix: str = PREFIX) -> list[str]:
    """`count` ids in ascending order: `job_` and 26 characters, of 48 bits of milliseconds and 80 bits of chance."""
    # The top bit of chance stays free, so that counting up never carries into the time.
    first = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(79)
    return [prefix + base32(first + offset) for offset in range(count)]


def base32(number: int) -> str:
    """130 bits as 26 digits of Crockford's base 32."""
    # Two digits at a time: a thousand ids are made in one request.
    return "".join(_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10))


def is_id(text: str) -> bool:
    """Whether it could be the id of a job: short and of the id alphabet."""
    return bool(_FORM.fullmatch(text))


def is_orchestrator_id(text: str) -> bool:
    """Whether it could be the id of an orchestrator."""
    return bool(_ORCHESTRATOR.fullmatch(text))
