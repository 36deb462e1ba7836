"""What a sender asks each second reads little, however much waits, is over, or was written before."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks import seeding
from benchmarks.footprint import Footprint, footprint
from jobs.models import WebhookDelivery
from jobs.webhooks import deliveries, endpoints, events
from tests.factories import STAFF
from tests.jobs.webhooks.conftest import Register

TABLES = {"webhook_deliveries", "webhook_attempts"}
DELIVERIES = """
insert into webhook_deliveries (endpoint_id, event_id, event, job_id, entry_id, sequence, body, state, next_try_at, settled_at, step, tries)
select %(endpoint)s, 'evt_' || n, 'job.queued', 'job_' || n, n, 0, '{}', case when n %% 2 = 0 then 'pending' else 'delivered' end,
  case when n %% 2 = 0 then now() + interval '1 hour' + n * interval '1 second' end,
  case when n %% 2 = 1 then now() - n * interval '1 second' end, 0, 0
from generate_series(1, 40000) n
"""


@pytest.fixture(autouse=True)
def endpoint_id(live_db: str, register: Register) -> int:
    """An endpoint with 20,000 deliveries that are over, and as many that wait for their next try."""
    endpoint = register().endpoint
    with connection.cursor() as cursor:
        cursor.execute(DELIVERIES, {"endpoint": endpoint.id})
        cursor.execute("analyze webhook_deliveries")
    return endpoint.id


def read(seen: Footprint) -> int:
    """How many entries of indexes, none of the tables being read as a whole."""
    assert not TABLES & seen.whole.keys()
    return max(reads.entries for name, reads in seen.indexes.items() if name.startswith("webhook"))


def test_what_is_due_is_found_among_what_waits(endpoint_id: int) -> None:
    endpoints.send_test(endpoint_id, by=STAFF)
    with footprint() as seen:
        assert len(deliveries.take(64)) == 1
    assert read(seen) < 50


def test_nothing_due_is_known_at_once() -> None:
    with footprint() as seen:
        assert deliveries.take(64) == []
    assert read(seen) < 50


def test_what_is_old_is_found_among_what_is_kept() -> None:
    with footprint() as seen:
        assert deliveries.forget(timedelta(days=1)) is False
    assert read(seen) < 50
    WebhookDelivery.objects.filter(id__in=WebhookDelivery.objects.filter(state="delivered")[:100]).update(
        settled_at=timezone.now() - timedelta(days=2)
    )
    with footprint() as seen:
        deliveries.forget(timedelta(days=1))
    assert read(seen) < 1000


def test_a_fold_that_finds_nothing_reads_next_to_nothing() -> None:
    # Of a log that fits on a page the whole would rightly be read.
    seeding.fill(queued=5_000, finished=0, among=5)
    seeding.stories(most=5_000)
    while events.fold():
        pass
    with footprint() as seen:
        assert events.fold() is False
    assert "audit_log" not in seen.whole
