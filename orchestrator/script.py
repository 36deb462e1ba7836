"""What a job's payload asks to be run, and the one shape it may have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class PayloadRefused(Exception):
    """The payload is not one that this orchestrator can run; the message says what is wrong, for the job's owner."""


@dataclass(frozen=True)
class Language:
    """How a script of one type is stored and started."""

    file_name: str
    command: tuple[str, ...]


# Python buffers a stdout that is a pipe, which would hold log lines back until the script ends: hence -u.
LANGUAGES: Mapping[str, Language] = {
    "BASH": Language("script.sh", ("bash",)),
    "PYTHON": Language("script.py", ("python3", "-u")),
    "NODEJS": Language("script.js", ("node",)),
}


@dataclass(frozen=True)
class Script:
    """A script to run, checked: `environment` holds names and values that a process can be given."""

    language: Language
    content: str
    environment: Mapping[str, str]
    input_values: Mapping[str, Any]


def read_script(payload: object) -> Script:
    """Read the script out of a job's payload.

    Args:
        payload: `{"script": {"type": "BASH"|"PYTHON"|"NODEJS", "content": str}, "environment"?: {str: str}, "inputData"?: {…}}`; other
            keys, as orchestrators of other kinds use them, are left alone.

    Raises:
        PayloadRefused: the payload has another shape.
    """
    if not isinstance(payload, dict):
        raise PayloadRefused("payload must be an object with a script")
    script = payload.get("script")
    if not isinstance(script, dict):
        raise PayloadRefused("payload.script must be an object with type and content")
    kind, content = script.get("type"), script.get("content")
    if not isinstance(kind, str) or kind not in LANGUAGES:
        raise PayloadRefused(f"payload.script.type must be one of {', '.join(LANGUAGES)}, not {kind!r}")
    if not isinstance(content, str):
        raise PayloadRefused("payload.script.content must be a string")
    return Script(LANGUAGES[kind], content, _environment(payload.get("environment")), _input_values(payload.get("inputData")))


def _environment(stated: object) -> Mapping[str, str]:
    if stated is None:
        return {}
    if not isinstance(stated, dict):
        raise PayloadRefused("payload.environment must be an object of strings")
    for name, value in stated.items():
        if not isinstance(value, str):
            raise PayloadRefused(f"payload.environment.{name} must be a string")
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise PayloadRefused(f"payload.environment has a name or value that no process can be given: {name!r}")
    return stated


def _input_values(stated: object) -> Mapping[str, Any]:
    if stated is None:
        return {}
    if not isinstance(stated, dict):
        raise PayloadRefused("payload.inputData must be an object")
    return stated
