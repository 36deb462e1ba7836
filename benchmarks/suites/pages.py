"""How long staff wait for the first byte of each page, at a million jobs and at ten, on the first page of a list and deep in it."""

import http.client
import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from urllib.parse import urljoin, urlsplit

from benchmarks.figures import percentile
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import Site

NEEDS = ()
LARGE, SMALL = "ten million jobs", "a million jobs"
PAGES = (
    "overview",
    "jobs",
    "jobs, failed",
    "jobs, by duration",
    "job",
    "failures",
    "failure_group",
    "fleet",
    "orchestrator",
    "types",
    "type",
    "audit",
    "audit, of failures",
    "bulk",
    "bulk_operation",
    "admin jobs",
    "admin job",
    "admin failure groups",
)
# Of these lists the page that is so many times "next" away, too.
LISTS, DEEP = ("jobs", "jobs, failed", "failures", "audit", "admin jobs"), 20
_FILTERED = {
    "jobs, failed": ("jobs", "?status=failed"),
    "jobs, by duration": ("jobs", "?ordering=-duration"),
    "audit, of failures": ("audit", "?action=fail"),
}
_NEXT = re.compile(r'<a\b(?=[^>]*\brel="next")[^>]*\bhref="([^"]+)"')


def waited(page: str, size: str) -> str:
    """The cell of a page."""
    return f"first byte of {page}, p95 at {size}"


_SHOWN = (*PAGES, *(f"{page}, deep in" for page in LISTS))
ROWS = [
    *(Row(waited(page, SMALL), waited(page, SMALL), at_most=300, unit="ms") for page in _SHOWN),
    *(Row(f"{waited(page, LARGE)} ÷ at {SMALL}", waited(page, LARGE), waited(page, SMALL), at_most=1.5) for page in _SHOWN),
]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    """(With `--depth` that many jobs are taken for the ten million, and a tenth of them for the million.)"""
    from django.conf import settings
    from django.core.management import call_command

    large = options.depth or options.size(10_000_000, quick=6_000)
    call_command("collectstatic", interactive=False, verbosity=0)
    settings.DEBUG = False
    sizes = {SMALL: large // 10, LARGE: large}
    for size in random.sample([*sizes], len(sizes)):
        with site.kept_database(f"pages of {sizes[size]}", partial(_fill, sizes[size])), site.server() as url:
            yield from _at(url, size, requests=options.size(60, quick=3))


def _fill(count: int) -> None:
    from benchmarks.scratch import execute
    from jobs.demo import seeding

    execute("set statement_timeout = 0")
    seeding.seed(count=count, now=datetime.now(UTC), over=timedelta(days=30), chance=1)
    seeding.fold()
    execute("vacuum (analyze) jobs, audit_log")


def _at(url: str, size: str, *, requests: int) -> Iterator[Measurement | Unmeasured]:
    visitor = _Visitor(url)
    addresses = _addresses(visitor)
    waits: dict[str, list[float]] = {page: [] for page in addresses}
    for page in addresses:
        visitor.get(addresses[page])
    for _ in range(requests):
        for page in random.sample([*addresses], len(addresses)):
            waits[page].append(visitor.get(addresses[page])[0])
    for page in _SHOWN:
        if page in waits:
            yield Measurement(waited(page, size), percentile(waits[page], 95) * 1000, "ms", requests, {"address": addresses[page]})
        else:
            yield Unmeasured(waited(page, size), "there is no such page, or nothing to show on it")


def _addresses(visitor: "_Visitor") -> dict[str, str]:
    from tests.tour import admin_pages, pages

    there = pages() | admin_pages()
    found = {page: there[page] for page in PAGES if page in there}
    found |= {page: there[of] + query for page, (of, query) in _FILTERED.items() if of in there}
    return found | {f"{page}, deep in": visitor.deep(found[page]) for page in LISTS if page in found}


class _Visitor:
    """A browser of the admin's, which reads no more than the pages themselves."""

    def __init__(self, url: str) -> None:
        from tests.browser.site import person, session_of

        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        self._headers = {"Cookie": f"sessionid={session_of(person('admin'))}"}

    def get(self, address: str) -> tuple[float, str]:
        """Seconds until the first byte, and the page."""
        began = time.perf_counter()
        self._connection.request("GET", address, headers=self._headers)
        response = self._connection.getresponse()
        took = time.perf_counter() - began
        text = response.read().decode()
        # (Too slow is an answer as well, after three seconds.)
        if response.status != 200:
            raise RuntimeError(f"{address}: {response.status}")
        return took, text

    def deep(self, address: str) -> str:
        """Where "next" leads to, again and again."""
        for _ in range(DEEP):
            following = _NEXT.search(self.get(address)[1])
            if not following:
                break
            address = urljoin(address, unescape(following[1]))
        return address
