"""Connections of webhooks: opened only to an address that was looked at, and over at their time, whatever the other side does.

A name is resolved once. Each of its addresses must be allowed, and the socket connects to the very one that was judged: a name that leads
elsewhere a moment later leads nowhere. Nothing is read from the environment: no proxies.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, TimeoutError
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import httpcore2
from httpcore2 import SOCKET_OPTION, NetworkBackend, NetworkStream

from jobs.webhooks.addresses import may_be_reached

# (family, address as connect() takes it)
Place = tuple[socket.AddressFamily, tuple[Any, ...]]


class AddressRefused(Exception):
    """A name leads to where nothing may be sent; nothing was."""


class Deadline:
    """A moment at which everything that is measured by it is over.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then.

        Raises:
            TimeoutError: there are none.
        """
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


def resolve(host: str, port: int) -> list[Place]:
    """Where a name leads, by the system's resolver.

    Raises:
        OSError: nowhere.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [(family, address) for family, _, _, _, address in found]


class Dialer(NetworkBackend):
    """Opens the connection of one message.

    Args:
        deadline: of all that is done with it.
        resolvers: resolves names, so that one that hangs is not waited for.
    """

    def __init__(self, deadline: Deadline, *, resolvers: Executor, resolved: Callable[[str, int], list[Place]] = resolve) -> None:
        self._deadline, self._resolvers, self._resolved = deadline, resolvers, resolved

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        with _told(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            places = self._resolvers.submit(self._resolved, host, port).result(self._deadline.left())
        for _, address in places:
            _refuse(address[0])
        with _told(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            return Line(self._connected(places), self._deadline)

    def _connected(self, places: list[Place]) -> socket.socket:
        problem = OSError("the name has no address")
        for nth, (family, address) in enumerate(places, start=1):
            opened = socket.socket(family, socket.SOCK_STREAM)
            try:
                # Each gets its share of the time.
                opened.settimeout(self._deadline.left() / (len(places) - nth + 1))
                opened.connect(address)
                return opened
            except OSError as error:
                opened.close()
                problem = error
        raise problem


class Line(NetworkStream):
    """An open connection, every step of which ends at the deadline."""

    def __init__(self, opened: socket.socket, deadline: Deadline) -> None:
        self._socket, self._deadline = opened, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _told(httpcore2.ReadError, httpcore2.ReadTimeout):
            self._socket.settimeout(self._deadline.left())
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _told(httpcore2.WriteError, httpcore2.WriteTimeout):
            self._socket.settimeout(self._deadline.left())
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> NetworkStream:
        with _told(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            try:
                self._socket.settimeout(self._deadline.left())
                return Line(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._deadline)
            except BaseException:
                self.close()
                raise

    def get_extra_info(self, info: str) -> Any:
        return None


@contextmanager
def _told(failed: type[Exception], too_late: type[Exception]) -> Any:
    """What went wrong in the words of httpcore."""
    try:
        yield
    except TimeoutError as error:
        raise too_late("the time is over") from error
    except (OSError, ValueError) as error:
        raise failed(str(error)) from error


def _refuse(text: str) -> None:
    address = ip_address(text)
    if not may_be_reached(address):
        raise AddressRefused(f"{address} is not an address that webhooks may be sent to")
