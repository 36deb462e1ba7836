"""Option values that several commands read alike; what can't be is refused with exit code 2, naming the option."""

from argparse import ArgumentTypeError
from datetime import timedelta

from jobs import times

LEAST_INTERVAL_SECONDS = 0.1
# Any time back from now is a time of PostgreSQL's calendar.
LONGEST_SPAN = timedelta(days=36_500)


def span(word: str) -> timedelta:
    """`90s`, `15m`, `12h` or `30d`; at most LONGEST_SPAN."""
    try:
        read = times.read_span(word)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    if read > LONGEST_SPAN:
        raise ArgumentTypeError(f"{word!r} is longer than {LONGEST_SPAN.days}d")
    return read


def count(word: str) -> int:
    """A whole number from 1."""
    if not (word.isascii() and word.isdigit() and int(word) > 0):
        raise ArgumentTypeError(f"{word!r} must be a whole number, 1 or more")
    return int(word)


def interval(word: str) -> float:
    """Seconds between two rounds of a loop."""
    try:
        seconds = float(word)
    except ValueError:
        seconds = float("nan")
    # Said so that not-a-number is refused, too.
    if not LEAST_INTERVAL_SECONDS <= seconds < float("inf"):
        raise ArgumentTypeError(f"{word!r} must be a number of seconds, {LEAST_INTERVAL_SECONDS} or more")
    return seconds
