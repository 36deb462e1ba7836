"""Values that look like secrets are not shown: told by their keys, at any depth."""

import json
import re
from dataclasses import dataclass
from typing import Any

MASK = "•••••• masked"
# Long words betray themselves inside of others (dbpassword, accessToken); the short ones only when they stand alone (apiKey, not monkey).
_ANYWHERE = re.compile(
    r"passw|passphrase|passcode|secret|token|credential|authori[sz]ation|apikey|privatekey|accesskey|connectionstring|cookie", re.IGNORECASE
)
_ALONE = frozenset({"key", "keys", "pwd", "pass", "auth", "bearer", "signature", "dsn", "jwt"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# What a reader scrolls through; the API gives the whole.
MOST_SHOWN = 100_000


@dataclass(frozen=True)
class Shown:
    """A JSON value as text for people.

    Attributes:
        text: pretty, secrets masked, at most 100,000 characters.
        masked: how many values are masked.
        length: characters of the whole text.
    """

    text: str
    masked: int
    length: int

    @property
    def is_cut(self) -> bool:
        return self.length > len(self.text)

    @property
    def is_empty(self) -> bool:
        return self.text in ("null", "{}")

    @property
    def peek(self) -> str:
        return " ".join(self.text[:400].split())


def shown(value: Any) -> Shown:
    """A JSON value as it may be shown."""
    clean, masked = mask(value)
    text = json.dumps(clean, indent=2, ensure_ascii=False)
    return Shown(text=text[:MOST_SHOWN], masked=masked, length=len(text))


def mask(value: Any) -> tuple[Any, int]:
    """The value with what looks secret replaced, and how many values that were."""
    if isinstance(value, list):
        items = [mask(item) for item in value]
        return [clean for clean, _ in items], sum(count for _, count in items)
    if not isinstance(value, dict):
        return value, 0
    clean: dict[str, Any] = {}
    total = 0
    # Environments are often lists of {"name": …, "value": …}.
    named = value.get("name")
    names_secret = isinstance(named, str) and is_secret(named)
    for key, item in value.items():
        hide = item not in (None, "") and (is_secret(key) or (names_secret and key == "value"))
        clean[key], count = (MASK, 1) if hide else mask(item)
        total += count
    return clean, total


def is_secret(key: str) -> bool:
    """Whether a key names something that should not be read over a shoulder."""
    return bool(_ANYWHERE.search(key.replace("_", "").replace("-", ""))) or any(word.lower() in _ALONE for word in _WORDS.findall(key))
