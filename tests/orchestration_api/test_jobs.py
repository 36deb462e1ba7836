"""Making, reading and steering jobs over HTTP."""

import base64
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs.models import Job
from tests.factories import PRODUCER, JobFactory
from tests.orchestration_api.wire import BASE, assert_error, send


def test_one_job_is_answered_with_itself(api: APIClient) -> None:
    answer = send(
        api, "post", "/jobs", {"type": "report", "payload": {"n": 1.5}, "priority": 80, "metadata": {"who": "me"}, "timeoutSeconds": 60}
    )

    assert answer.status_code == 201
    job = answer.json()["job"]
    assert (job["type"], job["payload"], job["priority"], job["metadata"], job["timeoutSeconds"]) == (
        "report",
        {"n": 1.5},
        80,
        {"who": "me"},
        60,
    )
    assert (job["status"], job["createdBy"], job["attempts"], job["maxAttempts"]) == ("queued", "service", 0, 1)


def test_a_list_is_answered_in_its_order_with_ascending_ids_and_one_time(api: APIClient) -> None:
    jobs = send(api, "post", "/jobs", [{"type": f"t{n}", "payload": n} for n in (3, 1, 2)]).json()["jobs"]

    assert [job["payload"] for job in jobs] == [3, 1, 2]
    assert [job["id"] for job in jobs] == sorted(job["id"] for job in jobs)
    assert len({job["scheduledFor"] for job in jobs}) == 1


@pytest.mark.parametrize("payload", [None, False, 0, "", [], {}, "text", [1, [2]], {"a": {"b": None}}, 2**63 - 1, -1.5e-7])
def test_a_payload_is_any_json_and_comes_back_as_it_was(api: APIClient, payload: Any) -> None:
    job = send(api, "post", "/jobs", {"type": "t", "payload": payload}).json()["job"]

    assert send(api, "get", f"/jobs/{job['id']}").json()["payload"] == payload


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "t"}, "VALIDATION_MISSING_FIELD"),
        ({"payload": 1}, "VALIDATION_MISSING_FIELD"),
        ({"type": "a b", "payload": 1}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "", "payload": 1}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "x" * 101, "payload": 1}, "VALIDATION_INVALID_PARAMS"),
        ({"type": 5, "payload": 1}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "t", "payload": 1, "priority": 101}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "t", "payload": 1, "priority": "50"}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "t", "payload": 1, "priority": True}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "t", "payload": 1, "scheduledFor": "2026-01-01T00:00:00"}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "t", "payload": 1, "metadata": []}, "VALIDATION_INVALID_PARAMS"),
        ({"type": "t", "payload": 1, "colour": "red"}, "VALIDATION_INVALID_PARAMS"),
        ([{"type": "t", "payload": 1}] * 1001, "VALIDATION_INVALID_PARAMS"),
        ([{"type": "t", "payload": 1}, {"type": "!", "payload": 1}], "VALIDATION_INVALID_PARAMS"),
        ([5], "VALIDATION_INVALID_PARAMS"),
        ("text", "VALIDATION_INVALID_PARAMS"),
    ],
)
def test_a_job_that_can_not_be_is_refused_whole(api: APIClient, body: Any, code: str) -> None:
    assert_error(send(api, "post", "/jobs", body), 400, code)
    assert Job.objects.count() == 0


def test_jobs_are_listed_newest_first_and_paged_both_ways(api: APIClient) -> None:
    ids = [job["id"] for job in send(api, "post", "/jobs", [{"type": "t", "payload": n} for n in range(5)]).json()["jobs"]][::-1]
    first = send(api, "get", "/jobs?pageSize=2").json()
    second = send(api, "get", f"/jobs?pageSize=2&cursor={first['next']}").json()
    third = send(api, "get", f"/jobs?pageSize=2&cursor={second['next']}").json()
    back = send(api, "get", f"/jobs?pageSize=2&cursor={third['previous']}").json()

    pages = [[job["id"] for job in page["results"]] for page in (first, second, third, back)]
    assert pages == [ids[:2], ids[2:4], ids[4:], ids[2:4]]
    assert (first["previous"], third["next"]) == (None, None)
    assert not {"payload", "result"} & first["results"][0].keys()


@pytest.mark.parametrize(
    "ordering", ["createdAt", "-createdAt", "updatedAt", "-updatedAt", "completedAt", "-completedAt", "priority", "-priority"]
)
def test_every_ordering_pages_through_all_exactly_once(api: APIClient, ordering: str) -> None:
    for n in range(7):
        JobFactory(status="completed", priority=n % 3)
    seen, cursor = [], ""
    while True:
        page = send(api, "get", f"/jobs?pageSize=3&ordering={ordering}{cursor}").json()
        seen += [job["id"] for job in page["results"]]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"

    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize(
    "ordering", ["createdAt", "-createdAt", "updatedAt", "-updatedAt", "completedAt", "-completedAt", "priority", "-priority"]
)
@pytest.mark.parametrize("pages", [1, 2])
def test_every_ordering_pages_back_the_way_it_came_also_among_ties(api: APIClient, ordering: str, pages: int) -> None:
    # All of one list have one time, and some one priority.
    made = send(api, "post", "/jobs", [{"type": "t", "payload": n, "priority": n % 2} for n in range(7)]).json()["jobs"]
    for job in made:
        send(api, "post", f"/jobs/{job['id']}/cancel")
    column = ordering.removeprefix("-")
    first = send(api, "get", f"/jobs?pageSize=2&ordering={ordering}").json()
    forth = [first]
    for _ in range(pages):
        forth.append(send(api, "get", f"/jobs?pageSize=2&ordering={ordering}&cursor={forth[-1]['next']}").json())
    back = [forth[-1]]
    while back[-1]["previous"]:
        back.append(send(api, "get", f"/jobs?pageSize=2&ordering={ordering}&cursor={back[-1]['previous']}").json())

    assert [page["results"] for page in reversed(back)] == [page["results"] for page in forth]
    assert first["previous"] is None
    told = [(job[column], job["id"]) for page in forth for job in page["results"]]
    assert told == sorted(told, reverse=ordering.startswith("-"))


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize("sign", ["", "-"])
def test_jobs_that_have_not_ended_stand_last_by_their_end_and_are_paged_like_the_others(api: APIClient, sign: str, size: int) -> None:
    ended = [JobFactory(status="completed").id for _ in range(3)]
    open_ = sorted([JobFactory(status="running").id, *(JobFactory().id for _ in range(2))], reverse=sign == "-")
    expected = [*(ended[::-1] if sign else ended), *open_]
    first = send(api, "get", f"/jobs?pageSize={size}&ordering={sign}completedAt").json()
    forth = [first]
    while forth[-1]["next"]:
        forth.append(send(api, "get", f"/jobs?pageSize={size}&ordering={sign}completedAt&cursor={forth[-1]['next']}").json())
    back = [forth[-1]]
    while back[-1]["previous"]:
        back.append(send(api, "get", f"/jobs?pageSize={size}&ordering={sign}completedAt&cursor={back[-1]['previous']}").json())

    assert [job["id"] for page in forth for job in page["results"]] == expected
    assert [page["results"] for page in reversed(back)] == [page["results"] for page in forth]


def test_a_page_goes_on_where_it_was_while_jobs_come_and_go(api: APIClient) -> None:
    old = [JobFactory() for _ in range(4)]
    first = send(api, "get", "/jobs?pageSize=2").json()
    JobFactory()
    old[1].cancel(by=PRODUCER)
    second = send(api, "get", f"/jobs?pageSize=2&cursor={first['next']}").json()

    assert [job["id"] for job in second["results"]] == [old[1].id, old[0].id]
    back = send(api, "get", f"/jobs?pageSize=2&cursor={second['previous']}").json()
    assert [job["id"] for job in back["results"]] == [old[3].id, old[2].id]


def test_a_cursor_of_another_ordering_is_refused(api: APIClient) -> None:
    for _ in range(3):
        JobFactory()
    cursor = send(api, "get", "/jobs?pageSize=1").json()["next"]

    for ordering in ("createdAt", "updatedAt", "-priority"):
        assert_error(send(api, "get", f"/jobs?ordering={ordering}&cursor={cursor}"), 400, "VALIDATION_INVALID_PARAMS")


def test_jobs_are_filtered(api: APIClient) -> None:
    failed = JobFactory(status="failed", type="a")
    running = JobFactory(status="running", type="b")
    JobFactory(type="c")

    def found(query: str) -> set[str]:
        return {job["id"] for job in send(api, "get", f"/jobs?{query}").json()["results"]}

    assert found("status=failed,running") == {failed.id, running.id}
    assert found("type=a,b&status=running") == {running.id}
    assert found("orchestratorId=orch-1") == {failed.id, running.id}
    assert found("category=unknown") == {failed.id}
    assert found("createdAfter=2999-01-01T00:00:00Z") == set()
    assert len(found("createdBefore=2999-01-01T00:00:00Z&updatedAfter=2000-01-01T00:00:00Z")) == 3


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "status=paused",
        "colour=red",
        "createdAfter=yesterday",
        "ordering=type",
        "pageSize=0",
        "pageSize=201",
        "pageSize=x",
        "cursor=garbage",
        "cursor=",
        "category=sad",
        "type=%00",
        "status=",
        "type=",
        "type=a,,b",
        "status=failed&status=queued",
        "pageSize=1&pageSize=2",
        "createdAfter=",
        "createdAfter=2026-01-01",
        "createdAfter=2026-01-01T00:00:00",
        "createdAfter=2026-01-01T00:00:00.1234567890Z",
        "createdAfter=9999-12-31T23:59:59-23:59",
        "cursor=" + _cursor("[" * 2000),
        "cursor=" + _cursor('["next", "-createdAt", "2026-01-01T00:00:00Z", "a\\u0000"]'),
        "cursor=" + _cursor('["next", "-createdAt", "2026-01-01T00:00:00Z", "\\ud800"]'),
        "ordering=priority&cursor=" + _cursor('["next", "priority", true, "job_x"]'),
        "ordering=priority&cursor=" + _cursor('["next", "priority", 99999999999999999999, "job_x"]'),
    ],
)
def test_an_unknown_filter_or_value_is_refused(api: APIClient, query: str) -> None:
    assert_error(send(api, "get", f"/jobs?{query}"), 400, "VALIDATION_INVALID_PARAMS")


def test_attempts_tell_every_run_with_its_error(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=2)
    send(api, "post", f"/jobs/{job.id}/fail", {"error": "busy", "retryAfterSeconds": 0})
    send(api, "get", "/jobs/queue")
    send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0})
    first, second = send(api, "get", f"/jobs/{job.id}/attempts").json()["attempts"]

    assert (first["number"], first["status"], first["error"], first["errorCategory"]) == (1, "failed", "busy", "unknown")
    assert (second["number"], second["status"], second["error"], second["exitCode"]) == (2, "completed", None, 0)


def test_retry_cancel_edit_and_run_again(api: APIClient) -> None:
    failed, queued = JobFactory(status="failed"), JobFactory()

    assert send(api, "post", f"/jobs/{failed.id}/retry", {"reason": "disk was full"}).json()["job"]["status"] == "queued"
    assert send(api, "patch", f"/jobs/{queued.id}", {"priority": 99}).json()["job"]["priority"] == 99
    assert send(api, "post", f"/jobs/{queued.id}/cancel").json()["job"]["status"] == "cancelled"
    again = send(api, "post", f"/jobs/{queued.id}/run-again", {"priority": 1})
    assert (again.status_code, again.json()["job"]["retriedFrom"], again.json()["job"]["priority"]) == (201, queued.id, 1)
    details = assert_error(send(api, "post", f"/jobs/{queued.id}/cancel"), 409, "INVALID_TRANSITION")
    assert details == {"status": "cancelled", "requested": "cancelled", "allowed": ["queued"]}


def test_an_edit_is_told_under_the_names_of_the_wire(api: APIClient) -> None:
    changes = {
        "priority": 99,
        "scheduledFor": "2999-01-01T00:00:00.000000Z",
        "metadata": {"team_name": "sales"},
        "maxAttempts": 4,
        "timeoutSeconds": 60,
    }
    job = JobFactory()
    send(api, "patch", f"/jobs/{job.id}", changes)

    assert send(api, "get", f"/jobs/{job.id}/history").json()["entries"][-1]["detail"] == {"changes": changes}


def test_a_change_in_between_is_noticed(api: APIClient) -> None:
    job = send(api, "post", "/jobs", {"type": "t", "payload": None}).json()["job"]
    send(api, "patch", f"/jobs/{job['id']}", {"priority": 1})

    assert_error(send(api, "patch", f"/jobs/{job['id']}", {"priority": 2, "expectedUpdatedAt": job["updatedAt"]}), 409, "CONFLICT")


def test_an_edit_leaves_the_job_an_attempt(api: APIClient) -> None:
    job = JobFactory(status="failed")
    send(api, "post", f"/jobs/{job.id}/retry")

    assert_error(send(api, "patch", f"/jobs/{job.id}", {"maxAttempts": 1}), 409, "CONFLICT")
    assert send(api, "patch", f"/jobs/{job.id}", {"maxAttempts": 3}).json()["job"]["maxAttempts"] == 3


def test_stats_count_every_status(api: APIClient) -> None:
    JobFactory(type="a")
    JobFactory(status="failed", type="a")
    answer = send(api, "get", "/jobs/stats").json()

    assert (answer["total"], answer["byType"]) == (2, {"a": 2})
    assert answer["byStatus"] == {"queued": 1, "claimed": 0, "running": 0, "completed": 0, "failed": 1, "cancelled": 0}


@pytest.mark.parametrize("path", ["", "/history", "/attempts", "/logs", "/logs.txt"])
@pytest.mark.parametrize("job_id", ["job_unknown", "a%00b", "x" * 51, "%C3%A4"])
def test_a_job_that_is_not_there_is_not_found(api: APIClient, path: str, job_id: str) -> None:
    assert_error(send(api, "get", f"/jobs/{job_id}{path}"), 404, "JOB_NOT_FOUND")


def test_a_job_is_run_again_with_another_payload_even_with_none(api: APIClient) -> None:
    job = JobFactory(status="completed", payload={"rows": 3})

    assert send(api, "post", f"/jobs/{job.id}/run-again", {"payload": None}).json()["job"]["payload"] is None
    assert send(api, "post", f"/jobs/{job.id}/run-again", {}).json()["job"]["payload"] == {"rows": 3}


def test_a_job_that_has_not_ended_can_not_be_run_again(api: APIClient) -> None:
    details = assert_error(send(api, "post", f"/jobs/{JobFactory().id}/run-again"), 409, "INVALID_TRANSITION")

    assert details == {"status": "queued", "requested": "queued", "allowed": ["claimed", "cancelled"]}


@pytest.mark.parametrize("number", ["1e22", "-1e22", "123456789012345678901.0", "1e300"])
def test_a_number_that_comes_back_can_be_sent_again(api: APIClient, number: str) -> None:
    made = api.post(f"{BASE}/jobs", f'{{"type": "t", "payload": {number}}}', content_type="application/json")
    told = send(api, "get", f"/jobs/{made.json()['job']['id']}").json()["payload"]

    assert told == float(number)
    assert send(api, "post", "/jobs", {"type": "t", "payload": told}).status_code == 201


def test_a_page_ends_early_where_its_answer_would_grow_too_large(api: APIClient) -> None:
    ids = [
        job["id"]
        for job in send(api, "post", "/jobs", [{"type": "t", "payload": 0, "metadata": {"note": "x" * 900_000}} for _ in range(5)]).json()[
            "jobs"
        ]
    ]
    with override_settings(ANSWER_LIMIT=2_000_000):
        first = send(api, "get", "/jobs?ordering=createdAt&pageSize=5")
        second = send(api, "get", f"/jobs?ordering=createdAt&pageSize=5&cursor={first.json()['next']}").json()

    assert len(first.content) < 2_000_000
    assert [job["id"] for job in first.json()["results"] + second["results"]] == ids[:4]


def test_a_very_long_error_is_shortened_in_passing_and_whole_on_its_own(api: APIClient) -> None:
    job = JobFactory(status="running")
    told = send(api, "post", f"/jobs/{job.id}/fail", {"error": "ä" * 1_000_000}).json()["job"]

    assert (told["lastError"], told["lastErrorBytes"]) == ("ä" * 100_000, 2_000_000)
    whole = send(api, "get", f"/jobs/{job.id}").json()
    assert whole["lastError"] == "ä" * 1_000_000
    assert "lastErrorBytes" not in whole
