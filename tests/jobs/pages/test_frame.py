"""What holds for every page: who may look, what is asked again, and what stands there when there is nothing to show."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from jobs.reading import TooSlow, reading
from jobs.returning import back_to
from jobs.views.audit import AuditPage
from jobs.views.page import version_of
from tests.factories import JobFactory
from tests.jobs.pages.conftest import Visitor

AUDIT = "/audit"
ASKED_AGAIN = {"HX-Request": "true"}


def test_a_stranger_is_led_to_the_login_and_back(client: Client, db: None) -> None:
    answer = client.get(f"{AUDIT}?action=fail")

    assert (answer.status_code, answer["Location"]) == (302, f"{reverse('admin:login')}?next=/audit%3Faction%3Dfail")


def test_a_page_whose_session_has_ended_is_loaded_again_as_a_whole(client: Client, db: None) -> None:
    assert client.get(AUDIT, headers=ASKED_AGAIN)["HX-Refresh"] == "true"


def test_whoever_has_no_role_is_told_which_permission_is_missing(visitor: Visitor) -> None:
    assert visitor("no role").get(AUDIT).status_code == 403


def test_the_live_part_is_served_alone_and_only_when_it_has_changed(visitor: Visitor) -> None:
    browser = visitor("viewer")
    JobFactory(status="queued")
    whole = browser.get(AUDIT)
    part = browser.get(AUDIT, headers=ASKED_AGAIN)

    assert "<html" in whole.text
    assert "<html" not in part.text
    assert part.text in whole.text
    again = browser.get(AUDIT, headers={**ASKED_AGAIN, "If-None-Match": part["ETag"]})
    assert (again.status_code, again.content) == (204, b"")

    JobFactory(status="queued")
    assert browser.get(AUDIT, headers={**ASKED_AGAIN, "If-None-Match": part["ETag"]}).status_code == 200


def test_that_time_passes_is_no_change() -> None:
    assert version_of('<time title="x">2s ago</time> of <b>1</b>') == version_of('<time title="x">3s ago</time> of <b>1</b>')
    assert version_of("<b>1</b>") != version_of("<b>2</b>")


def test_a_filter_that_cannot_be_read_is_answered_in_words(visitor: Visitor) -> None:
    answer = visitor("viewer").get(f"{AUDIT}?within=soon&action=nonsense")

    assert answer.status_code == 400
    assert "must be a whole number of seconds, minutes, hours or days" in answer.text


@pytest.mark.parametrize("cursor", ["nonsense", "", "W10", "WyJuZXh0Il0"])
def test_a_cursor_that_is_none_begins_no_page(cursor: str, visitor: Visitor) -> None:
    assert visitor("viewer").get(AUDIT, {"cursor": cursor}).status_code == 400


def test_a_question_that_takes_too_long_is_given_up_and_the_page_says_so(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(page: AuditPage) -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute("set local statement_timeout = '20ms'")
            cursor.execute("select pg_sleep(5)")
        return {}

    monkeypatch.setattr(AuditPage, "live_context", slow)
    answer = visitor("viewer").get(AUDIT)

    assert answer.status_code == 200
    assert "This takes too long" in answer.text
    assert 'name="within"' in answer.text


@pytest.mark.django_db
def test_only_the_statements_of_a_page_are_given_up_early() -> None:
    with pytest.raises(TooSlow), reading(seconds=0.02), connection.cursor() as cursor:
        cursor.execute("select pg_sleep(5)")


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/audit?by=user", "/audit?by=user"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_never_leads_elsewhere(asked: str, leads_to: str) -> None:
    request = RequestFactory().post("/", {"next": asked})

    assert back_to(request, "/") == leads_to


def test_pages_lead_from_the_newest_to_the_oldest_entry_and_back(visitor: Visitor) -> None:
    browser = visitor("viewer")
    for _ in range(60):
        JobFactory(status="queued")
    first = browser.get(AUDIT)
    second = browser.get(_link(first.text, "next"))

    assert _link(second.text, "next") == ""
    assert browser.get(_link(second.text, "prev")).text.count("<tr") == first.text.count("<tr") == 51


def _link(page: str, rel: str) -> str:
    _, _, after = page.partition(f'rel="{rel}" href="')
    return after.partition('"')[0].replace("&amp;", "&")
