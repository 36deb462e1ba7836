"""The server's time, which need not be the machine's, and how it is written on the wire."""

from datetime import UTC, datetime, timedelta


class Clock:
    """`ahead` is how far this clock is from the machine's."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def until(self, moment: datetime) -> float:
        """Seconds from now; negative when it is past."""
        return (moment - self.now()).total_seconds()


def written(moment: datetime | None) -> str | None:
    """In UTC with `Z` and six decimals."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read(text: object) -> datetime:
    """A time with any offset and up to nine decimals.

    Raises:
        ValueError: it is no time, or has no offset.
    """
    if not isinstance(text, str):
        raise ValueError("must be a time as a string")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("must have an offset, such as Z")
    return moment
