"""What each page asks of a large database: few questions, and none that reads a big table through."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.demo import seeding
from tests.browser.site import person
from tests.tour import admin_pages, pages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
JOBS = 200_000
MOST_QUERIES = 12
# Rows of a big table that a page may walk over without an index: those of a count that stops at 10,000.
MOST_SCANNED = 10_001
BIG = ("jobs", "audit_log")


def test_no_page_asks_much_or_reads_a_big_table_through(live_db: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
    seeding.seed(count=JOBS, now=datetime.now(UTC), over=timedelta(days=30), chance=1)
    connection.close()
    browser = Client()
    browser.force_login(person("admin"))
    addresses = pages() | {name: address for name, address in admin_pages().items() if "add" not in name}
    found: list[str] = []
    for name, address in addresses.items():
        browser.get(address)
        with CaptureQueriesContext(connection) as asked:
            answer = browser.get(address)
        assert answer.status_code == 200, address
        reads = [query["sql"] for query in asked.captured_queries if query["sql"].lstrip("( ").upper().startswith(("SELECT", "WITH"))]
        if len(reads) > MOST_QUERIES:
            found.append(f"{name}: {len(reads)} queries")
        found += [f"{name}: {fault}: {sql[:300]}" for sql in reads for fault in _faults(sql)]

    assert not found, "\n".join(found)


def _faults(statement: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("explain (analyze, format json) " + statement)
        (plan,) = cursor.fetchone()
    for node in _nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]):
        rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        if node["Node Type"].endswith("Seq Scan") and node["Relation Name"] in BIG and rows > MOST_SCANNED:
            yield f"reads {rows:,.0f} rows of {node['Relation Name']} through"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("Plans", ()):
        yield from _nodes(part)
