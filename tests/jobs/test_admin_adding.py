"""Staff make a job by one form: through the queue's own door, in their own name, with every fault told in words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from jobs.models import AuditEntry, Job

FORM = "/admin/jobs/job/add/"
PLAIN = {"type": "report", "payload": '{"rows": 3}', "priority": "50"}


@pytest.fixture
def olga(db: None) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_job", "view_job"]))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


def test_a_job_is_made_in_the_name_of_who_sent_the_form(olga: Client) -> None:
    sent = {"priority": "70", "scheduled_for": "2031-02-03T04:05", "max_attempts": "4", "labels": "gpu, eu ,gpu", "reason": "a trial"}
    page = olga.post(FORM, PLAIN | sent, follow=True)

    job = Job.objects.get()
    assert f"Added: {job.id}." in page.text
    assert page.request["PATH_INFO"] == f"/jobs/{job.id}"
    assert (job.type, job.payload, job.priority, job.max_attempts, job.labels) == ("report", {"rows": 3}, 70, 4, ["eu", "gpu"])
    assert job.scheduled_for == datetime(2031, 2, 3, 4, 5, tzinfo=UTC)
    assert job.created_by == "user:olga"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_kind, entry.actor, entry.reason, entry.request_id) == (
        "enqueue", "user", "olga", "a trial", "request-of-olga",
    )  # fmt: skip


def test_what_is_left_empty_is_as_everywhere(olga: Client) -> None:
    olga.post(FORM, PLAIN)

    job = Job.objects.get()
    assert (job.status, job.due, job.max_attempts, job.labels) == ("queued", True, 1, None)


@pytest.mark.parametrize("payload", ["null", "[1, 2.5]", '"\\\\u0000 is text"', "1" * 30])
def test_a_payload_is_any_json(olga: Client, payload: str) -> None:
    assert olga.post(FORM, PLAIN | {"payload": payload}).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"type": ""}, "This field is required."),
        ({"type": "two words"}, "A type is made of A-Z a-z 0-9 . _ : - alone."),
        ({"type": "x" * 101}, "at most 100 characters"),
        ({"payload": "{rows: 3}"}, "This is no JSON that can be kept: Expecting property name"),
        ({"payload": "NaN"}, "NaN is no number of JSON"),
        ({"payload": '"a\\u0000b"'}, "a string has a NUL in it"),
        ({"payload": '"\\ud800"'}, "This is no JSON that can be kept"),
        ({"payload": "[" * 100_000}, "This is no JSON that can be kept"),
        ({"payload": "1" * 5000}, "This is no JSON that can be kept"),
        ({"priority": "101"}, "less than or equal to 100"),
        ({"scheduled_for": "tomorrow"}, "Write it as 2026-01-31T14:00, in UTC."),
        ({"max_attempts": "1001"}, "less than or equal to 1000"),
        ({"labels": "a b"}, "a b is no label"),
        ({"labels": ",".join(f"l{number}" for number in range(17))}, "A job requires at most 16 labels."),
        ({"reason": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_a_fault_is_told_in_words_and_nothing_is_made(olga: Client, wrong: dict[str, Any], words: str) -> None:
    page = olga.post(FORM, PLAIN | wrong)

    assert page.status_code == 200
    assert words in page.text.replace("&#x27;", "'")
    assert not Job.objects.exists()


def test_whoever_may_make_none_is_neither_offered_nor_given_the_form(db: None) -> None:
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_job"))
    client = Client()
    client.force_login(user)

    assert "Add a job" not in client.get("/admin/jobs/job/").text
    assert client.get(FORM).status_code == client.post(FORM, PLAIN).status_code == 403
    assert not Job.objects.exists()


def test_it_is_offered_beside_the_list(olga: Client) -> None:
    assert FORM in olga.get("/admin/jobs/job/").text
