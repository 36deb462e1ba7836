"""What each page asks of a large database: few questions, and none that reads a big table through, or an index of one.

What is read is what PostgreSQL counts, so that the statements of jobs/sql are seen as well, under the plans of our connections.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.footprint import Footprint, footprint
from jobs.demo import seeding
from tests.browser.site import person
from tests.tour import admin_pages, pages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
JOBS = 200_000
MOST_QUERIES = 12
# Rows of a big table that a page may walk over without an index: those of a count that stops at 10,000.
MOST_SCANNED = 10_001
# Of one index of such a table, all questions of a page together.
MOST_ENTRIES = 3 * MOST_SCANNED
BIG, BIG_INDEXES = ("jobs", "audit_log"), ("jobs_", "audit_log_")


def test_no_page_asks_much_or_reads_a_big_table_through(live_db: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
    seeding.seed(count=JOBS, now=datetime.now(UTC), over=timedelta(days=30), chance=1)
    seeding.fold()
    connection.close()
    browser = Client()
    browser.force_login(person("admin"))
    addresses = pages() | {name: address for name, address in admin_pages().items() if "add" not in name}
    found: list[str] = []
    for name, address in addresses.items():
        browser.get(address)
        with footprint() as seen, CaptureQueriesContext(connection) as asked:
            answer = browser.get(address)
        assert answer.status_code == 200, address
        reads = [query["sql"] for query in asked.captured_queries if query["sql"].lstrip("( ").upper().startswith(("SELECT", "WITH"))]
        if len(reads) > MOST_QUERIES:
            found.append(f"{name}: {len(reads)} queries")
        found += [f"{name}: {fault}" for fault in _faults(seen)]

    assert not found, "\n".join(found)


def _faults(seen: Footprint) -> Iterator[str]:
    for table, reads in seen.whole.items():
        if table in BIG and reads.entries > MOST_SCANNED:
            yield f"reads {reads.entries:,} rows of {table} through"
    for index, reads in seen.indexes.items():
        if index.startswith(BIG_INDEXES) and reads.entries > MOST_ENTRIES:
            yield f"reads {reads.entries:,} entries of {index}"
