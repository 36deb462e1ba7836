"""Every endpoint of the machine door, read from its addresses, so that a new one is tested on the day it is added."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern

from orchestration_api.urls import urlpatterns

Endpoint = tuple[str, str]


def addressed(route: str) -> str:
    """A route as it is written in the documents: `jobs/{id}/complete`, `failure-groups/{fingerprint}`."""
    return re.sub(r"<str:(\w+)>", lambda name: "{id}" if name[1].endswith("_id") else f"{{{name[1]}}}", route)


def _listed() -> Iterator[Endpoint]:
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        view: Any = pattern.callback
        for method in getattr(view, "actions", {}):
            # A HEAD that a view names is one that it refuses.
            if method != "head":
                yield method, "/" + re.sub(r"<[^>]+>", "{id}", str(pattern.pattern))


# As ("post", "/jobs/{id}/complete"): the method, and the path below the base path.
ENDPOINTS: list[Endpoint] = list(_listed())
WRITING = [(method, path) for method, path in ENDPOINTS if method != "get"]
NEEDS_BODY = [
    (method, path)
    for method, path in WRITING
    if path.rsplit("/", 1)[-1] in ("jobs", "status", "complete", "fail", "logs", "heartbeat", "bulk-operations", "confirm")
    or path == "/failure-groups/{id}/retry"
]
