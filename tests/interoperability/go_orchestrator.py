"""An orchestrator as existing ones are written: what it sends of its own accord, in their words and bytes."""

import json
from typing import Any

from jobs.actors import Holder
from tests.interoperability.recorded import as_sent
from tests.raw_http import RawAnswer, Wire

NAME = "node-7"
SELF = Holder.of(NAME)
_ALWAYS = {
    "X-Orchestrator-Id": NAME,
    "X-Service-Name": "cronium-orchestrator",
    "X-Service-Version": "1.0.0",
    "Accept-Encoding": "gzip",
}


def call(method: str, path: str, body: Any = None) -> bytes:
    """A request to an address below the base path, or to `/jobs/{id}/release` as it stands.

    Args:
        body: as JSON if it is no string already.
    """
    headers = {"User-Agent": "Go-http-client/1.1", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    content = "" if body is None else body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return as_sent(method, path if path.startswith("/jobs/") else f"/api/internal/{path}", headers | _ALWAYS, content)


def say(wire: Wire, method: str, path: str, body: Any = None) -> RawAnswer:
    """One such call and its answer."""
    return wire.exchange(call(method, path, body))
