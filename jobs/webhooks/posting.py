"""One try: a message posted, and what came back. No redirect is followed, no answer read further than its beginning."""

import ssl
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import httpcore2

from jobs import times
from jobs.webhooks.dialing import AddressRefused, Deadline, Dialer
from jobs.webhooks.targets import Target, TargetRefused, read

SECONDS_A_TRY = 15.0
MOST_READ = 4096
GONE = 410
_MOST_OF_AN_ERROR = 500
_ASKS_FOR_SILENCE = frozenset({429, 503})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a try.

    Attributes:
        at: when it began.
        seconds: how long it took.
        status: None: there was no answer.
        head: the beginning of the answer's body.
        error: why it did not do; None when the message was taken.
        silence_seconds: for how long the receiver wants to hear nothing (Retry-After); None: it did not say.
    """

    at: datetime
    seconds: float
    status: int | None = None
    head: str | None = None
    error: str | None = None
    silence_seconds: float | None = None


class Poster:
    """Posts messages.

    Args:
        resolvers: what resolves names, as many at once as messages are posted at once.
    """

    def __init__(self, resolvers: Executor) -> None:
        self._resolvers = resolvers
        # Made once: to read all the authorities takes longer than a message.
        self._tls = httpcore2.default_ssl_context()

    def post(self, url: str, body: str, *, headers: Mapping[bytes | str, bytes | str], within_seconds: float = SECONDS_A_TRY) -> Answer:
        """Posts a message; whatever goes wrong is told in the answer.

        Args:
            url: of the endpoint.
            body: JSON.
            headers: besides the usual ones.
            within_seconds: resolving, connecting, sending and reading together.
        """
        at, began = times.now(), monotonic()
        status, head, error, silence = None, None, None, None
        try:
            status, head, retry_after = self._posted(read(url), body, headers, Deadline(within_seconds))
            error = _judged(status)
            silence = _silence_seconds(retry_after, at) if status in _ASKS_FOR_SILENCE else None
        except (TargetRefused, AddressRefused) as refusal:
            error = str(refusal)
        except (httpcore2.TimeoutException, TimeoutError):
            error = f"no answer within {within_seconds:g} s"
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as problem:
            error = f"{type(problem).__name__}: {problem}"
        told = _plain(error)[:_MOST_OF_AN_ERROR] if error else None
        return Answer(at=at, seconds=monotonic() - began, status=status, head=head, error=told, silence_seconds=silence)

    def _posted(self, target: Target, body: str, headers: Mapping[bytes | str, bytes | str], deadline: Deadline) -> tuple[int, str, str]:
        content = body.encode()
        sent: dict[bytes | str, bytes | str] = {
            "Host": target.authority,
            "User-Agent": "jobsite-webhooks",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        }
        with (
            httpcore2.ConnectionPool(ssl_context=self._tls, network_backend=Dialer(deadline, resolvers=self._resolvers)) as connection,
            connection.stream("POST", target.url, headers=sent, content=content) as response,
        ):
            head = b""
            # The status says whether it was taken; what follows is for people.
            with suppress(httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
                for chunk in response.iter_stream():
                    head += chunk
                    if len(head) >= MOST_READ:
                        break
            retry_after = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
            return response.status, _plain(head[:MOST_READ].decode(errors="replace")), retry_after.decode(errors="replace")


def _judged(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed"
    return f"answered {status}"


def _silence_seconds(text: str, now: datetime) -> float | None:
    """How long Retry-After asks for, which says it in seconds or as a date; None when it says nothing that makes sense."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    return None


def _plain(text: str) -> str:
    """Without what PostgreSQL stores in no text."""
    return text.replace("\0", "�")
