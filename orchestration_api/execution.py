"""`execution`: the payload in the form that existing orchestrators of this protocol read."""

from collections.abc import Callable
from typing import Any

from jobs.models import Job

_Check = Callable[[Any], bool]


def execution_of(job: Job) -> dict[str, Any] | None:
    """The payload with timeout, target and environment filled in.

    Returns:
        None unless the payload has `script` or `http` and every documented key has exactly its documented type: one value of another type
        makes such an orchestrator drop its whole batch.
    """
    payload = job.payload
    if not isinstance(payload, dict) or not ("script" in payload or "http" in payload):
        return None
    told = {"target": {"type": "local"}, "environment": {}, **payload, "timeout": job.timeout_seconds}
    return told if all(check(told[key]) for key, check in _TYPES.items() if key in told) else None


def _is_strings(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, int | float) and not isinstance(item, bool) for item in value.values())


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_TYPES: dict[str, _Check] = {
    "script": _is_strings,
    "http": _is_strings,
    "target": _is_strings,
    "environment": _is_strings,
    "resources": _is_numbers,
    "retryPolicy": _is_numbers,
    "inputData": _is_object,
    "variables": _is_object,
}
