"""The corpus of bad input: one thing a line that somebody may send, and what it must be answered where that is certain."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Text, or parts of it: each a string, or a string and how often it is repeated.
Parts = str | Sequence[str | tuple[str, int]]
KINDS = ("body", "path", "suffix", "query", "headers", "method")
# Where a kind must be answered as expected, unless the line names other endpoints.
# (Where fields are needed, a body without them is told before a job that is not there.)
_USUALLY_ON = {
    "body": "^(POST|PUT|PATCH) ",
    "path": "^GET .*{id}|/jobs/{id}/(acknowledge|release|cancel|retry)$",
    "suffix": "^(?!PATCH )",
    "query": "^GET ",
}


@dataclass(frozen=True)
class BadInput:
    """One line of the corpus.

    Attributes:
        name: what it is.
        kind: the part of a request that is bad: a body; a path, for the id in an address; a suffix of the address; a query; headers; a
            method.
        value: that part; of headers nothing.
        expect: the statuses one of which it must be answered with; empty where being no 5xx is all.
        on: endpoints of which that is expected, searched for in `POST /jobs/{id}/fail`.
    """

    name: str
    kind: str
    value: bytes
    headers: dict[str, str] = field(default_factory=dict)
    expect: frozenset[int] = frozenset()
    on: str = ""

    def is_expected_of(self, endpoint: str) -> bool:
        return bool(self.expect) and re.search(self.on, endpoint) is not None


def corpus() -> list[BadInput]:
    """All of it."""
    text = Path(__file__).with_name("corpus").joinpath("bad_input.jsonl").read_text("ascii")
    return [_read(json.loads(line)) for line in text.splitlines()]


def _read(line: dict[str, Any]) -> BadInput:
    name, on, expect = str(line.pop("name")), line.pop("on", None), line.pop("expect", ())
    ((key, value),) = line.items()
    kind = key.removesuffix("64")
    if kind not in KINDS or not isinstance(expect, Sequence):
        raise ValueError(f"{name}: {key} is no kind of bad input")
    headers = {str(header): _joined(parts).decode() for header, parts in value.items()} if isinstance(value, dict) else {}
    content = b"" if headers else base64.b64decode(str(value)) if key.endswith("64") else _joined(value)
    return BadInput(name, kind, content, headers, frozenset(expect), str(on or _USUALLY_ON.get(kind, "^")))


def _joined(parts: Parts) -> bytes:
    if isinstance(parts, str):
        return parts.encode()
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in parts).encode()
