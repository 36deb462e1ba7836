"""What may be the URL of an endpoint. What its name leads to is looked at when it is connected to, each time (jobs/webhooks/dialing.py)."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

import httpcore2
from django.conf import settings

from jobs.webhooks.addresses import may_be_reached

MOST_CHARACTERS = 2000
_DEFAULT_PORTS = {"https": 443, "http": 80}
# Below, services listen that take a request for commands of theirs; so do some above.
_FIRST_FREE_PORT = 1024
_PORTS_OF_OTHERS = frozenset({2049, 2375, 2379, 3306, 4444, 5432, 6000, 6379, 6443, 9200, 10250, 11211, 27017})
# Nothing but what has one meaning to every reader of URLs: no user, no backslash, no space, no fragment, nothing beyond ASCII.
_FORM = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?(?P<query>\?[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*)?"
)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class TargetRefused(Exception):
    """Nothing may be sent there; the message says why."""


@dataclass(frozen=True)
class Target:
    """A URL taken apart, as it is connected to.

    Attributes:
        path: with the query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> httpcore2.URL:
        return httpcore2.URL(scheme=self.scheme.encode(), host=self.host.encode(), port=self.port, target=self.path.encode())

    @property
    def authority(self) -> str:
        """What stands in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read(url: str) -> Target:
    """The target that a URL names.

    Raises:
        TargetRefused: nothing may be sent there, as far as the URL itself tells.
    """
    form = _FORM.fullmatch(url) if len(url) <= MOST_CHARACTERS else None
    if form is None:
        raise TargetRefused(
            "A URL is https://host[:port]/path, at most 2000 plain characters, without a user, a fragment or spaces; "
            "other characters are written as %XX, names as xn--…"
        )
    _refuse_scheme(form["scheme"])
    host = form["host"].lower().strip("[]")
    _refuse_host(host, in_brackets=form["host"].startswith("["))
    port = int(form["port"]) if form["port"] else _DEFAULT_PORTS[form["scheme"]]
    _refuse_port(port, form["scheme"])
    return Target(form["scheme"], host, port, (form["path"] or "/") + (form["query"] or ""))


def _refuse_scheme(scheme: str) -> None:
    if scheme not in _DEFAULT_PORTS:
        raise TargetRefused(f"Webhooks are sent by https, not by {scheme}.")
    if scheme == "http" and not settings.WEBHOOK_ALLOW_HTTP:
        raise TargetRefused("Webhooks are sent by https. (JOBSITE_WEBHOOK_ALLOW_HTTP=1 allows http.)")


def _refuse_host(host: str, *, in_brackets: bool) -> None:
    # Whatever ends in a number is read as an address, by some in ways such as 127.1, 0x7f.1 or 017700000001.
    if in_brackets or _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        try:
            address = ip_address(host)
        except ValueError:
            raise TargetRefused(f"{host} is neither a name nor an address in its usual form.") from None
        if not may_be_reached(address):
            raise TargetRefused(f"{address} is not an address of the public internet. (JOBSITE_WEBHOOK_ALLOWED_NETWORKS may allow others.)")
    elif not all(0 < len(label) <= 63 and label.strip("-") == label for label in host.split(".")):
        raise TargetRefused(f"{host} is no name of a host.")


def _refuse_port(port: int, scheme: str) -> None:
    sane = port in _DEFAULT_PORTS.values() or _FIRST_FREE_PORT <= port <= 65535
    if not sane or port in _PORTS_OF_OTHERS:
        raise TargetRefused(
            f"Port {port} is not one that webhooks are sent to: {_DEFAULT_PORTS[scheme]}, or one above 1023 that is no database's."
        )
