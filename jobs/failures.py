"""What kind of failure it was: the sent category if it is one of ours, else inferred from exit code and error."""

import re
import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Category(StrEnum):
    EXIT_CODE = "exit_code"
    EXCEPTION = "exception"
    CONTAINER = "container"
    TIMEOUT = "timeout"
    SIGNAL = "signal"
    RESOURCE = "resource"
    NETWORK = "network"
    VALIDATION = "validation"
    CONFIGURATION = "configuration"
    PERMISSION = "permission"
    DEPENDENCY = "dependency"
    LEASE_LOST = "lease_lost"
    CANCELLED = "cancelled"
    SYSTEM = "system"
    UNKNOWN = "unknown"


# Trying again can't mend these; `retryable: true` overrides.
NOT_RETRYABLE = frozenset({Category.VALIDATION, Category.CONFIGURATION, Category.PERMISSION, Category.CANCELLED})

ErrorDetail = str | dict[str, Any]

# Only kinds that may be retried are read out of a text: a guess must never take a retry away.
_SAID_IN_TEXT = (
    (Category.RESOURCE, re.compile(r"out of memory|\boom\b|MemoryError|cannot allocate|no space left", re.IGNORECASE)),
    (Category.TIMEOUT, re.compile(r"\btimed? ?out\b", re.IGNORECASE)),
    (Category.NETWORK, re.compile(r"connection (refused|reset)|name or service not known|network is unreachable|ECONNREFUSED|ENOTFOUND")),
    (Category.CONTAINER, re.compile(r"\b(docker|container|containerd|image pull|pull access denied)\b", re.IGNORECASE)),
    (Category.EXCEPTION, re.compile(r"Traceback \(most recent call last\)|^\s+at .+:\d+:\d+\)?$|\b\w*(Error|Exception)\b:", re.MULTILINE)),
)
_SETUP_AT_FAULT = re.compile(r"unsupported|config|not[_ ]found|missing|invalid", re.IGNORECASE)
_EXIT_WORDS = {126: "found, but not executable", 127: "command not found", 124: "timed out", -1: "timed out, or never started"}
# An error may be megabytes; what names its kind stands at one of its ends.
_LOOKED_AT = 8192


@dataclass(frozen=True)
class Kind:
    """
    Attributes:
        category: one of ours.
        inferred: it was not sent but read out of the report.
        sent: the word that was sent, when it is none of ours.
    """

    category: Category
    inferred: bool = False
    sent: str | None = None


def kind_of(*, sent: str | None, exit_code: int | None, error: ErrorDetail | None, stderr: str, timed_out: bool) -> Kind:
    """The kind of a failure as reported."""
    if sent:
        return Kind(Category(sent)) if sent in set(Category) else Kind(Category.UNKNOWN, sent=sent)
    return Kind(_inferred(exit_code, error, stderr, timed_out), inferred=True)


def message_of(error: ErrorDetail | None) -> str | None:
    """The words of an error: the string itself, or the object's message; None when it has none."""
    return (_word(error, "message") if isinstance(error, dict) else error) or None


def name_of(error: ErrorDetail | None) -> str | None:
    """What an error object without words calls itself: its code, or its type."""
    return _word(error, "code") or _word(error, "type") or None


def exit_words(code: int | None) -> str:
    """The meaning of an exit code by the shell's conventions; empty when it has none."""
    if code is None:
        return ""
    if code in _EXIT_WORDS:
        return _EXIT_WORDS[code]
    number = -code if code < 0 else code - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return f"killed ({name}), most often out of memory" if name == "SIGKILL" else f"ended by {name}"


def _inferred(exit_code: int | None, error: ErrorDetail | None, stderr: str, timed_out: bool) -> Category:
    if timed_out:
        return Category.TIMEOUT
    named = _word(error, "type")
    if named in set(Category):
        return Category(named)
    if error and (exit_code == -1 or (exit_code is None and named == "unsupported")):
        # How existing orchestrators report that a job could not even be started.
        return Category.CONFIGURATION if _SETUP_AT_FAULT.search(f"{named} {_word(error, 'code')}") else Category.SYSTEM
    if exit_code is not None and (exit_code < 0 or 128 < exit_code <= 192):
        return Category.SIGNAL
    text = _ends(message_of(error) or name_of(error) or "") + "\n" + _ends(_word(error, "stack")) + "\n" + _ends(stderr)
    for category, pattern in _SAID_IN_TEXT:
        if pattern.search(text):
            return category
    if exit_code:
        return Category.EXIT_CODE
    return Category.EXCEPTION if named else Category.UNKNOWN


def _word(error: ErrorDetail | None, key: str) -> str:
    value = error.get(key) if isinstance(error, dict) else None
    return value if isinstance(value, str) else ""


def _ends(text: str) -> str:
    return text if len(text) <= 2 * _LOOKED_AT else text[:_LOOKED_AT] + "\n" + text[-_LOOKED_AT:]
