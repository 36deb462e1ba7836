"""Requests of an existing orchestrator as they were recorded, and the bytes that they were on the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from tests.postgres import API_KEY
from tests.raw_http import request_bytes

# The offset of the machine that was recorded.
LOCAL = timezone(-timedelta(hours=3, minutes=30))


@dataclass(frozen=True)
class Recording:
    """One request.

    Attributes:
        path, body: with `{job}` and `{now}` where an id and the time of sending stood.
        headers: all but Host, Content-Length and Authorization, in the order and spelling of the wire.
        expect: the status that suits it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    expect: int

    @property
    def sender(self) -> str:
        """The orchestrator id in its header; of the one request without any, nobody's."""
        return self.headers.get("X-Orchestrator-Id", "")

    def bytes_about(self, job_id: str) -> bytes:
        """The request about this job, sent now."""
        body = self.body.replace("{job}", job_id).replace("{now}-03:30", _clock(LOCAL) + "-03:30").replace("{now}Z", _clock(UTC) + "Z")
        return as_sent(self.method, self.path.replace("{job}", job_id), self.headers, body)


def as_sent(method: str, path: str, headers: Mapping[str, str], body: str) -> bytes:
    """A request in the bytes of Go's net/http: Host and User-Agent first, then the length, then the rest as given.

    The token, which no recording keeps, stands where its alphabetical order puts it: behind Accept.
    """
    sent = [("Host", "localhost")]
    for name, value in headers.items():
        sent.append((name, value))
        if name == "User-Agent" and body:
            sent.append(("Content-Length", str(len(body.encode()))))
        if name == "Accept":
            sent.append(("Authorization", f"Bearer {API_KEY}"))
    return request_bytes(method, path, sent, body.encode())


def recordings() -> list[Recording]:
    """All of them, in the order in which they were recorded."""
    lines = Path(__file__).with_name("recordings").joinpath("existing-orchestrator.jsonl").read_text().splitlines()
    return [Recording(**json.loads(line)) for line in lines]


def _clock(zone: timezone) -> str:
    """The time in a zone, in whole seconds and without its offset, as Go's time.RFC3339 begins."""
    return datetime.now(zone).strftime("%Y-%m-%dT%H:%M:%S")
