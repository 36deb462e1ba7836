"""Times on the wire: UTC with Z and six decimals going out, any offset and up to nine decimals coming in."""

import re
from datetime import UTC, datetime, timedelta
from typing import overload

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")
_SPAN = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
# Largest first.
UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_SECONDS = dict(UNITS)


@overload
def written(moment: datetime) -> str: ...
@overload
def written(moment: None) -> None: ...
@overload
def written(moment: datetime | None) -> str | None: ...
def written(moment: datetime | None) -> str | None:
    """`2026-11-23T14:03:12.000000Z`, or None for None."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z" if moment else None


def in_answer(moment: datetime | None) -> datetime | str | None:
    """A moment of ours, in UTC, as it may stand in an answer.

    Returns:
        The moment itself, which msgspec writes in a tenth of the time; of a full second, whose decimals it would leave out, the text.
    """
    return moment if moment is None or moment.microsecond else written(moment)


def read(text: str) -> datetime:
    """The moment that an RFC 3339 text names; what is finer than a microsecond is dropped.

    Raises:
        ValueError: no offset, or no such time.
    """
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError("an RFC 3339 time with offset is needed, like 2026-11-23T14:03:12Z")
    day, clock, fraction, offset = match.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6].ljust(6, '0')}{'+00:00' if offset in 'Zz' else offset}")
        # Far from both ends of the calendar, so that no time zone leads out of it.
        if not 2 <= local.year <= 9998:
            raise ValueError(f"the year {local.year} is out of range")
        return local.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def read_span(text: str) -> timedelta:
    """The span that `90s`, `45m`, `12h` or `30d` names.

    Raises:
        ValueError: it is none of these.
    """
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} must be a whole number of seconds, minutes, hours or days, like 90s, 45m, 12h or 30d")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def in_words(span: timedelta | float) -> str:
    """`0.8s`, `2m 14s`, `3h 05m`, `4d 02h`: the two largest units of a span, or of so many seconds; never negative."""
    seconds = max(0.0, span.total_seconds() if isinstance(span, timedelta) else float(span))
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    for place, (unit, size) in enumerate(UNITS):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            if unit == "s":
                return f"{whole}s"
            lesser, lesser_size = UNITS[place + 1]
            return f"{whole}{unit} {rest // lesser_size:02d}{lesser}"
    return "0s"


def in_round_words(span: timedelta | float) -> str:
    """As `in_words`, of what somebody has chosen: `5m`, not `5m 00s`."""
    return re.sub(r" 00[hms]$", "", in_words(span))


def now() -> datetime:
    return datetime.now(UTC)


def in_seconds(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)
