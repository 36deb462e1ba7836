"""The pages of failures and bulk operations read a few rows however many jobs there are: judged in a database of 200,000."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from benchmarks import seeding
from benchmarks.footprint import footprint
from jobs import bulk
from jobs.bulk import Selection
from jobs.failure_groups import hour_of
from jobs.models import FailureCount, FailureGroup
from tests.factories import STAFF

GROUPS = [str(number).zfill(16) for number in range(seeding.KINDS_OF_FAILURE)]
# The tables that grow with the jobs.
LARGE = {"jobs", "audit_log", "attempts", "bulk_items"}
OPERATIONS = 10


@pytest.fixture(scope="module")
def browser(module_db: str) -> Client:
    """Of an admin, who sees every group as it is after a week of failures."""
    seeding.fill(queued=150_000, finished=50_000, failed=20_000, among=200)
    seeding.stories(most=200_000)
    now = timezone.now()
    facts = {"type": "report", "category": "exit_code", "rule": 1, "first_seen_at": now - timedelta(days=7), "last_seen_at": now}
    FailureGroup.objects.bulk_create(FailureGroup(fingerprint=name, title=f"it broke {name}", **facts) for name in GROUPS)
    hours = [hour_of(now) - timedelta(hours=hours) for hours in range(7 * 24)]
    FailureCount.objects.bulk_create(FailureCount(fingerprint=name, hour=hour, failures=1) for name in GROUPS for hour in hours)
    for _ in range(OPERATIONS):
        bulk.create("retry", Selection(filter={"status": "failed", "fingerprint": GROUPS[0]}), by=STAFF)
    # An operation with so many items that nobody would read them all for those of another.
    many = bulk.create("retry", Selection(filter={"status": "failed", "fingerprint": ",".join(GROUPS[1:200])}), by=STAFF)
    bulk.confirm(many.id, by=STAFF, reason="mended")
    with connection.cursor() as cursor:
        cursor.execute("analyze bulk_items")
    client = Client()
    client.force_login(User.objects.create_superuser("anna"))
    return client


@pytest.mark.parametrize(
    "address",
    ["/failures", "/failures?seen=7d&ordering=-failures", "/failures?q=broke&type=report", f"/failures/{GROUPS[0]}", "/bulk"],
)
def test_a_page_reads_no_table_that_grows_from_one_end_to_the_other(browser: Client, address: str) -> None:
    with footprint() as seen:
        assert browser.get(address).status_code == 200

    assert not LARGE & seen.whole.keys()


def test_the_page_of_an_operation_reads_its_own_items(browser: Client) -> None:
    operation = bulk.create("retry", Selection(filter={"status": "failed", "fingerprint": GROUPS[0]}), by=STAFF)
    bulk.confirm(operation.id, by=STAFF, reason="mended")
    with footprint() as seen:
        browser.get(f"/bulk/{operation.id}")

    assert not LARGE & seen.whole.keys()
    assert "bulk_items_pkey" in seen.indexes


def test_where_a_group_ran_is_told_by_its_newest_jobs(browser: Client) -> None:
    with footprint() as seen:
        browser.get("/failures")

    assert "jobs_failed_alike" in seen.indexes
    assert seen.indexes.get("jobs_pkey") is None
