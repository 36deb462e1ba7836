"""Staff make endpoints, see a secret once, and send again."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from jobs.models import AuditEntry, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret
from jobs.webhooks import endpoints
from tests.factories import STAFF
from tests.jobs.webhooks.conftest import Register

pytestmark = pytest.mark.django_db
ENDPOINTS, DELIVERIES = "/admin/jobs/webhookendpoint/", "/admin/jobs/webhookdelivery/"
ERP = {
    "name": "erp",
    "url": "https://hooks.example/jobsite?token=hunter-2",
    "events": ["job.failed"],
    "types": "report, import",
    "categories": ["network"],
    "reason": "the ERP asked for it",
}


def person(role: str) -> Client:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def shown(page: Any) -> list[str]:
    """Secrets on a page."""
    return sorted(set(re.findall(r"whsec_[A-Za-z0-9+/=]{44}", page.content.decode())))


def test_a_secret_is_shown_once_on_a_page_that_nobody_keeps() -> None:
    client = person("admin")
    page = client.post(f"{ENDPOINTS}add/", ERP)
    endpoint = WebhookEndpoint.objects.get()
    secret = WebhookSecret.objects.get().text

    assert shown(page) == [secret]
    assert "no-store" in page["Cache-Control"]
    assert (endpoint.events, endpoint.types, endpoint.categories) == (["job.failed"], ["import", "report"], ["network"])
    rotated = client.post(f"{ENDPOINTS}{endpoint.id}/rotate/", {"reason": "the usual"})
    assert len(shown(rotated)) == 1
    assert shown(rotated) != [secret]
    for url in (ENDPOINTS, f"{ENDPOINTS}{endpoint.id}/change/", f"{ENDPOINTS}{endpoint.id}/configure/", "/audit"):
        later = client.get(url)
        assert later.status_code == 200
        assert shown(later) == []
        if "configure" not in url:
            assert "hunter-2" not in later.content.decode()
    entry = AuditEntry.objects.get(action="create")
    assert (entry.subject_type, entry.actor, entry.reason) == ("webhook", "admin", "the ERP asked for it")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"url": "https://127.0.0.2.5/"}, "neither a name nor an address"),
        ({"url": "https://10.0.0.1/"}, "is not an address of the public internet"),
        ({"url": "ftp://hooks.example/"}, "by https, not by ftp"),
        ({"url": "https://user:x@hooks.example/"}, "without a user"),
        ({"reason": " "}, "Say why"),
        ({"events": ["job.exploded"]}, "Select a valid choice"),
        ({"types": "x" * 101}, "type is 1 to 100 characters"),
    ],
)
def test_what_can_not_be_is_refused_on_the_form(wrong: dict[str, object], why: str) -> None:
    page = person("admin").post(f"{ENDPOINTS}add/", {**ERP, **wrong})

    assert why in page.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_name_is_given_once() -> None:
    client = person("admin")
    client.post(f"{ENDPOINTS}add/", ERP)

    assert "There is an endpoint named erp already." in client.post(f"{ENDPOINTS}add/", ERP).content.decode()
    assert WebhookEndpoint.objects.count() == 1


def test_each_act_is_asked_for_with_a_reason_and_stands_in_the_log(register: Register) -> None:
    client, endpoint = person("admin"), register().endpoint
    url = f"{ENDPOINTS}{endpoint.id}"
    for act in ("test", "disable", "enable", "discard"):
        assert 'name="reason"' in client.post(f"{url}/{act}/", {"reason": " "}).content.decode()
        done = client.post(f"{url}/{act}/", {"reason": "because"}, follow=True)
        assert done.status_code == 200
    client.post(f"{url}/configure/", {**ERP, "name": "erp-2"})

    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.enabled) == ("erp-2", True)
    acts = AuditEntry.objects.filter(subject_type="webhook").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["create", "test", "disable", "enable", "discard", "configure"]
    assert "hunter-2" not in "".join(str(entry.detail) for entry in AuditEntry.objects.all())
    assert client.post(f"{url}/test/", {"reason": "x"}).status_code == 302
    endpoints.disable(endpoint.id, by=STAFF, reason="it moves")
    assert "enable it first" in client.post(f"{url}/test/", {"reason": "x"}).content.decode()


def test_a_delivery_is_shown_with_its_tries_and_sent_again(register: Register) -> None:
    client = person("admin")
    endpoints.send_test(register().endpoint.id, by=STAFF)
    delivery = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(state="failed", next_try_at=None, settled_at=timezone.now(), tries=10, step=10)
    WebhookAttempt.objects.create(
        delivery=delivery, number=10, at=timezone.now(), seconds=0.1, status=500, answer="<script>alert(1)</script>", error="answered 500"
    )
    url = f"{DELIVERIES}{delivery.id}"
    page = client.get(f"{url}/change/").content.decode()

    assert "answered 500" in page
    assert "<script>alert(1)" not in page
    assert "webhook.test" in client.get(f"{DELIVERIES}?state=failed").content.decode()
    assert client.post(f"{url}/redeliver/", {"reason": "it is up again"}, follow=True).status_code == 200
    delivery.refresh_from_db()
    assert (delivery.state, delivery.step, delivery.tries) == ("pending", 0, 10)


def test_operators_look_and_change_nothing_and_viewers_do_not_look(register: Register) -> None:
    endpoint = register().endpoint
    endpoints.send_test(endpoint.id, by=STAFF)
    delivery = WebhookDelivery.objects.get()
    operator, viewer = person("operator"), person("viewer")
    pages = [ENDPOINTS, f"{ENDPOINTS}{endpoint.id}/change/", DELIVERIES, f"{DELIVERIES}{delivery.id}/change/"]
    acts = [f"{ENDPOINTS}{endpoint.id}/{act}/" for act in ("test", "configure", "rotate", "disable", "enable", "discard")]
    acts += [f"{ENDPOINTS}add/", f"{DELIVERIES}{delivery.id}/redeliver/"]

    assert [operator.get(url).status_code for url in pages] == [200] * 4
    assert [viewer.get(url).status_code for url in pages] == [403] * 4
    for client in (operator, viewer):
        assert {client.post(url, {**ERP, "reason": "x"}).status_code for url in acts} == {403}
        assert {client.get(url).status_code for url in acts} == {403}
    assert WebhookSecret.objects.count() == 1


@pytest.mark.parametrize("word", ["999", "x", "x\0"])
def test_what_is_no_endpoint_or_delivery_leads_back(word: str) -> None:
    client = person("admin")
    for url in (f"{ENDPOINTS}{word}/test/", f"{ENDPOINTS}{word}/change/", f"{DELIVERIES}{word}/redeliver/"):
        assert client.get(url).status_code == 302
