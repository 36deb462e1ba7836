"""The feed over HTTP."""

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs.models import AuditEntry
from tests.factories import HOLDER, STAFF, JobFactory
from tests.orchestration_api.wire import assert_error, is_time, send
from tests.postgres import API_KEY

ENTRY_KEYS = {
    "id", "jobId", "sequence", "subjectType", "subjectId", "action", "fromStatus", "toStatus", "actorKind", "actor", "epoch", "attempt",
    "reason", "requestId", "at", "statedAt", "detail",
}  # fmt: skip


@pytest.fixture
def site(live_db: str) -> APIClient:
    """The machine door on a database in which everything commits: what is not committed is not in the feed."""
    return APIClient(headers={"Authorization": f"Bearer {API_KEY}"})


def test_the_feed_is_read_from_the_beginning_to_its_end_in_pages(site: APIClient) -> None:
    jobs = [JobFactory(status="completed"), JobFactory(status="cancelled"), JobFactory()]
    seen, cursor, pages = [], "0", 0
    while (page := send(site, "get", f"/events?after={cursor}&limit=3").json())["events"]:
        seen += page["events"]
        cursor = page["nextCursor"]
        pages += 1

    assert pages == 3
    assert page == {"events": [], "nextCursor": cursor, "lagSeconds": 0}
    assert [entry["jobId"] for entry in seen] == [jobs[0].id] * 4 + [jobs[1].id] * 2 + [jobs[2].id]
    assert [entry["action"] for entry in seen] == ["enqueue", "claim", "start", "complete", "enqueue", "cancel", "enqueue"]
    assert all(set(entry) == ENTRY_KEYS and is_time(entry["at"]) for entry in seen)
    # What comes later is found from where one stopped.
    jobs[2].cancel(by=STAFF, reason="no longer needed")
    (entry,) = send(site, "get", f"/events?after={cursor}").json()["events"]
    assert (entry["action"], entry["reason"], entry["actorKind"], entry["subjectType"]) == ("cancel", "no longer needed", "user", None)


def test_an_empty_feed_answers_with_the_cursor_it_was_given(api: APIClient) -> None:
    for query in ("", "?after=0"):
        assert send(api, "get", f"/events{query}").json() == {"events": [], "nextCursor": "0", "lagSeconds": 0}


def test_a_page_is_a_hundred_entries_unless_asked_otherwise(site: APIClient) -> None:
    send(site, "post", "/jobs", [{"type": "t", "payload": None}] * 101)

    assert len(send(site, "get", "/events").json()["events"]) == 100
    assert len(send(site, "get", "/events?limit=1000").json()["events"]) == 101


@pytest.mark.parametrize(
    "query",
    [
        "after=", "after=1", "after=-1", "after=0-0-0", "after=1-", "after=-1-1", "after=a-b", "after=1-1%20", "after=%D9%A1-1", "after=00",
        "after=18446744073709551616-1", "after=1-9223372036854775808", "after=1-1&after=2-2", "after=0%00",
        "limit=0", "limit=1001", "limit=-1", "limit=ten", "limit=1.5", "limit=", "limit=1&limit=2", "since=0",
    ],
)  # fmt: skip
def test_what_is_no_cursor_or_limit_is_refused(api: APIClient, query: str) -> None:
    assert_error(send(api, "get", f"/events?{query}"), 400, "VALIDATION_INVALID_PARAMS")


@pytest.mark.parametrize("cursor", ["0-0", "18446744073709551615-9223372036854775807", "1-0"])
def test_any_cursor_of_our_form_is_taken(api: APIClient, cursor: str) -> None:
    assert send(api, "get", f"/events?after={cursor}").json() == {"events": [], "nextCursor": cursor, "lagSeconds": 0}


def test_pages_of_the_feed_and_of_a_history_end_early_where_an_answer_would_grow_too_large(site: APIClient) -> None:
    job = JobFactory()
    for number in range(10):
        # Control characters take six bytes each on the wire.
        job.edit(by=STAFF, priority=number, reason="\x01" * 2000)
        job.edit(by=STAFF, metadata={"huge": [1e300] * 5000})
    whole = AuditEntry.objects.count()
    for path, name, position in (("/events", "events", "nextCursor"), (f"/jobs/{job.id}/history", "entries", "next")):
        seen, place, pages = [], {"events": "0", "entries": "-1"}[name], 0
        with override_settings(ANSWER_LIMIT=65536 + 300_000):
            while True:
                answer = send(site, "get", f"{path}?after={place}&limit=1000")
                assert len(answer.content) < 65536 + 300_000
                seen += answer.json()[name]
                pages += 1
                if not answer.json()[name] or answer.json()[position] is None:
                    break
                place = answer.json()[position]
        assert [entry["sequence"] for entry in seen] == list(range(whole))
        assert pages > 3


def test_a_history_is_read_in_parts(api: APIClient) -> None:
    job = JobFactory(status="running", holder=HOLDER)
    first = send(api, "get", f"/jobs/{job.id}/history?limit=2").json()
    rest = send(api, "get", f"/jobs/{job.id}/history?limit=2&after={first['next']}").json()

    assert ([entry["action"] for entry in first["entries"]], first["next"]) == (["enqueue", "claim"], 1)
    assert ([entry["action"] for entry in rest["entries"]], rest["next"]) == (["start"], None)
    assert send(api, "get", f"/jobs/{job.id}/history?after=2").json() == {"entries": [], "next": None}
    for query in ("limit=0", "limit=10001", "after=-2", "after=x", "before=1"):
        assert_error(send(api, "get", f"/jobs/{job.id}/history?{query}"), 400, "VALIDATION_INVALID_PARAMS")
