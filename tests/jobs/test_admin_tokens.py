"""Staff issue and revoke tokens; a token shows once and nowhere else."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from jobs import times, tokens
from jobs.actors import Holder
from jobs.claiming import claim
from jobs.models import ApiToken, AuditEntry, Orchestrator
from jobs.tokens import look_up
from tests.factories import STAFF

pytestmark = pytest.mark.django_db
LIST = "/admin/jobs/apitoken/"
ADD = "/admin/jobs/apitoken/add/"
WORKER = {"name": "worker", "scopes": ["orchestrate", "read"], "orchestrator_id": "orch-1", "expires_in": "30"}


def staff(*codenames: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


def shown(page: Any) -> str:
    """The token on the page that shows it."""
    (text,) = set(re.findall(r"jst_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", page.content.decode()))
    return str(text)


def test_a_token_is_shown_once_on_a_page_that_nobody_keeps() -> None:
    client = staff("add_apitoken", "view_apitoken", "view_auditentry")
    page = client.post(ADD, WORKER)
    text = shown(page)

    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    found = look_up(text)
    assert found
    assert (found.name, found.orchestrator_id, sorted(found.scopes)) == ("worker", "orch-1", ["orchestrate", "read"])
    token = ApiToken.objects.get()
    assert token.expires_at
    assert token.expires_at - token.created_at == timedelta(days=30)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.request_id, entry.subject_id) == ("issue", "olga", "request-of-olga", token.public_id)

    secret = text.rpartition("_")[2]
    for url in (LIST, ADD, f"{LIST}{token.public_id}/change/", reverse("admin:index"), "/admin/jobs/auditentry/"):
        assert secret not in client.get(url, follow=True).content.decode()
    assert not [session for session in Session.objects.all() if secret in str(session.get_decoded())]
    assert not [cookie for cookie in client.cookies.values() if secret in cookie.value]


def test_the_list_and_the_page_tell_what_a_token_is(admin_client: Client) -> None:
    live = tokens.issue("importer", scopes=["enqueue"], by=STAFF).token
    dead = tokens.issue("old-one", scopes=["read"], by=STAFF).token
    tokens.revoke(dead.public_id, by=STAFF, reason="it leaked")
    tokens.note_use(live.public_id)
    listed = admin_client.get(LIST).content.decode()
    page = admin_client.get(f"{LIST}{dead.public_id}/change/").content.decode()

    assert [word for word in ("importer", "old-one", live.public_id, "enqueue", ">Live<", ">Revoked<", "never") if word not in listed] == []
    assert [word for word in ("old-one", "it leaked", "anna", "Revoke", ">Revoked<") if word not in page] == []
    assert [token.name for token in admin_client.get(LIST, {"state": "revoked"}).context["cl"].result_list] == ["old-one"]
    assert [token.name for token in admin_client.get(LIST, {"state": "live"}).context["cl"].result_list] == ["importer"]
    assert [token.name for token in admin_client.get(LIST, {"q": "imp"}).context["cl"].result_list] == ["importer"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "service"}, "shared service key"),
        ({"name": "a b"}, "name is 1 to 100"),
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["root"]}, "not one of the available choices"),
        ({"orchestrator_id": ""}, "name it"),
        ({"expires_in": "5"}, "not one of the available choices"),
    ],
)
def test_what_can_not_be_is_told_on_the_form_and_nothing_is_issued(admin_client: Client, change: dict[str, Any], why: str) -> None:
    page = admin_client.post(ADD, WORKER | change).content.decode()

    assert why in page
    assert 'name="orchestrator_id"' in page
    assert not ApiToken.objects.exists()


def test_a_third_token_of_a_name_is_refused_on_the_form(admin_client: Client) -> None:
    for _ in range(2):
        admin_client.post(ADD, WORKER)

    assert "revoke one first" in admin_client.post(ADD, WORKER).content.decode()
    assert ApiToken.objects.count() == 2


def test_a_token_is_revoked_with_a_reason_after_a_question() -> None:
    client = staff("change_apitoken")
    issued = tokens.issue("importer", scopes=["enqueue"], by=STAFF)
    url = f"{LIST}{issued.token.public_id}/revoke/"
    for asked in (client.get(url), client.post(url), client.post(url, {"reason": "  "})):
        assert 'name="reason"' in asked.content.decode()
    assert not (look_up(issued.text) or pytest.fail("unknown")).revoked

    done = client.post(url, {"reason": "it leaked"}, follow=True).content.decode()
    assert "Every server refuses it within a second." in done
    assert (look_up(issued.text) or pytest.fail("unknown")).revoked
    entry = AuditEntry.objects.get(action="revoke")
    assert (entry.actor, entry.reason, entry.request_id) == ("olga", "it leaked", "request-of-olga")
    assert "was revoked before" in client.post(url, {"reason": "again"}, follow=True).content.decode()


def test_whoever_may_only_look_issues_and_revokes_nothing() -> None:
    client = staff("view_apitoken")
    issued = tokens.issue("importer", scopes=["enqueue"], by=STAFF)
    url = f"{LIST}{issued.token.public_id}"

    assert "Issue a token" not in client.get(LIST).content.decode()
    assert "Revoke…" not in client.get(f"{url}/change/").content.decode()
    assert client.get(ADD).status_code == client.post(ADD, WORKER).status_code == 403
    assert client.get(f"{url}/revoke/").status_code == client.post(f"{url}/revoke/", {"reason": "x"}).status_code == 403
    assert not (look_up(issued.text) or pytest.fail("unknown")).revoked
    assert ApiToken.objects.count() == 1


def test_nobody_changes_or_deletes_a_token_by_a_form(admin_client: Client) -> None:
    issued = tokens.issue("importer", scopes=["enqueue"], by=STAFF)
    url = f"{LIST}{issued.token.public_id}"

    assert admin_client.post(f"{url}/change/", {"scopes": "manage"}).status_code == 403
    assert admin_client.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
    assert ApiToken.objects.get().scopes == ["enqueue"]


def test_what_is_no_token_leads_back(admin_client: Client) -> None:
    for word in ("000000000000", "x\0"):
        assert admin_client.get(f"{LIST}{word}/revoke/").status_code == 302
        assert admin_client.get(f"{LIST}{word}/change/").status_code == 302


def test_an_orchestrator_that_reports_without_lease_tokens_is_marked(admin_client: Client) -> None:
    claim(by=Holder.of("orch-1"), batch_size=1)
    url = "/admin/jobs/orchestrator/"
    assert "unfenced" not in admin_client.get(url).content.decode()

    Orchestrator.objects.update(last_unfenced_at=times.now() - timedelta(minutes=5))
    assert "unfenced" in admin_client.get(url).content.decode()
    assert "unfenced" in admin_client.get(f"{url}orch-1/change/").content.decode()
    Orchestrator.objects.update(last_unfenced_at=times.now() - timedelta(days=3))
    assert "unfenced" not in admin_client.get(url).content.decode()
    assert "missing until" in admin_client.get(url).content.decode()


def test_no_page_of_tokens_needs_inline_style_or_script(admin_client: Client) -> None:
    issued = tokens.issue("importer", scopes=["enqueue"], by=STAFF)
    pages = [
        admin_client.get(url) for url in (LIST, ADD, f"{LIST}{issued.token.public_id}/change/", f"{LIST}{issued.token.public_id}/revoke/")
    ]
    for page in (*pages, admin_client.post(ADD, WORKER)):
        text = page.content.decode()
        assert not [word for word in ("style=", "<style", "onclick=", "<script>") if word in text]
