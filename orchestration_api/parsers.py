"""One strict JSON parser and one check of the tree: what PostgreSQL or another reader would stumble over is refused here."""

import json
import math
import re
from collections.abc import Collection
from typing import IO, Any

from rest_framework.parsers import BaseParser

from orchestration_api.exceptions import WireError

DEEPEST = 64
_LARGEST = 2**63
_NOT_ZERO = re.compile(r"[-0.]*[1-9]")


class StrictJSONParser(BaseParser):
    """RFC 8259 JSON in UTF-8; no duplicate keys, no NaN or Infinity, integers within ±2^63, at most 64 levels."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return parse(stream.read())


def parse(body: bytes) -> Any:
    """The value that a body holds.

    Raises:
        WireError: why it is refused.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(f"The body is not UTF-8: byte {error.start} is wrong.") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _invalid(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise _too_deep() from None
    if _depth(value) > DEEPEST:
        raise _too_deep()
    return value


def needs_mending(body: bytes) -> bool:
    """Whether `mend_text` could find anything in what was parsed from a body.

    A NUL or half a surrogate pair comes in by an escape only: as such, neither is JSON in UTF-8.
    """
    return b"\\u" in body


def mend_text(value: Any, lenient: Collection[tuple[str, ...]]) -> tuple[Any, list[str]]:
    """Replaces what no text column can hold (NUL, lone surrogates) where a verdict must not be lost for its bytes, refuses it elsewhere.

    Args:
        value: a parsed body.
        lenient: paths below which strings and keys are mended: the keys that lead there, `*` for any place in a list.

    Returns:
        The value to go on with and the paths of what was replaced.

    Raises:
        WireError: INVALID_UNICODE, for any other string or key.
    """
    replaced: list[str] = []

    def walk(node: Any, path: str, keys: tuple[str, ...], mends: bool) -> Any:
        mends = mends or keys in lenient
        if isinstance(node, str):
            if _is_clean(node):
                return node
            if not mends:
                raise WireError(
                    "INVALID_UNICODE", f"{path or 'The body'} holds a NUL or half a surrogate pair, which no text can hold.", field=path
                )
            replaced.append(path)
            return mended(node)
        if isinstance(node, list):
            return [walk(item, f"{path}[{place}]", (*keys, "*"), mends) for place, item in enumerate(node)]
        if isinstance(node, dict):
            for key in node:
                if not _is_clean(key) and not mends:
                    raise WireError("INVALID_UNICODE", f"A key in {path or 'the body'} holds a NUL or half a surrogate pair.", field=path)
                if not _is_clean(key):
                    replaced.append(f"{path}.{mended(key)}")
            named = [(mended(key), key, item) for key, item in node.items()]
            return {name: walk(item, f"{path}.{name}" if path else name, (*keys, key), mends) for name, key, item in named}
        return node

    return walk(value, "", (), False), list(dict.fromkeys(replaced))


def mended(text: str) -> str:
    """The text with U+FFFD for what no text column can hold."""
    return (
        text
        if _is_clean(text)
        else "".join("\ufffd" if character == "\x00" or "\ud800" <= character <= "\udfff" else character for character in text)
    )


def _is_clean(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _invalid(f"The key {twice!r} stands twice in one object.")
    return found


def _integer(digits: str) -> int:
    # Measured before it is read: a number of thousands of digits costs quadratic time.
    if len(digits) > 20 or not -_LARGEST <= int(digits) < _LARGEST:
        raise _invalid("An integer lies beyond 64 bits.")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    # One that a double takes for zero is as little what was sent as one that it takes for infinity.
    if not math.isfinite(value) or (value == 0 and _NOT_ZERO.match(digits)):
        raise _invalid("A number is too large or too small for a double.")
    return value


def _no_constant(word: str) -> None:
    raise _invalid(f"{word} is not JSON.")


def _depth(value: Any) -> int:
    """How many objects and lists stand inside each other, counted no further than one beyond what is allowed."""
    depth, level = 0, [value] if isinstance(value, dict | list) else []
    while level and depth <= DEEPEST:
        depth += 1
        level = [item for node in level for item in (node.values() if isinstance(node, dict) else node) if isinstance(item, dict | list)]
    return depth


def _invalid(message: str) -> WireError:
    return WireError("VALIDATION_INVALID_PARAMS", message)


def _too_deep() -> WireError:
    return _invalid(f"The body is nested deeper than {DEEPEST} levels.")
