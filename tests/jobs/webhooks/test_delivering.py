"""Changes of status reach their endpoints: each once, signed, thin, in spite of whatever receivers do."""

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from jobs.lifecycle import Status
from jobs.models import AuditEntry, Fold, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from jobs.outcomes import Report
from jobs.webhooks import deliveries, endpoints, events
from jobs.webhooks.schedule import DELAYS
from tests.factories import HOLDER, STAFF, JobFactory, running
from tests.jobs.webhooks.conftest import Register
from tests.receiver import Got, Receiver, Reply, receiving

pytestmark = pytest.mark.usefixtures("live_db")


def deliver() -> None:
    call_command("deliver_webhooks", interval=0.1)


def pass_time() -> None:
    """Whatever waits for its next try is due."""
    WebhookDelivery.objects.filter(state="pending").update(next_try_at=timezone.now() - timedelta(seconds=1))
    WebhookEndpoint.objects.update(quiet_until=None)


def test_every_change_of_status_is_told_once_and_verifies(register: Register, receiver: Receiver) -> None:
    secret = register().secret
    job = JobFactory(type="report", status="completed")
    deliver()
    deliver()

    entries = AuditEntry.objects.filter(job_id=job.id).order_by("sequence")
    changed = {entry.sequence: entry for entry in entries if entry.from_status != entry.to_status}
    told = {got.verified(secret)["data"]["sequence"]: got.told for got in receiver.got}
    assert len(receiver.got) == len(changed) == 4
    for sequence, entry in changed.items():
        assert told[sequence]["type"] == f"job.{entry.to_status}"
        assert datetime.fromisoformat(told[sequence]["timestamp"]) == entry.at
        assert told[sequence]["data"] == {
            "jobId": job.id,
            "jobType": "report",
            "action": entry.action,
            "fromStatus": entry.from_status,
            "toStatus": entry.to_status,
            "attempt": entry.attempt,
            "category": None,
            "exitCode": 0 if entry.to_status == "completed" else None,
            "sequence": sequence,
        }
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert len({got.id for got in receiver.got}) == 4
    assert {got.headers["content-type"] for got in receiver.got} == {"application/json"}


def test_no_message_holds_payload_error_or_result(register: Register, receiver: Receiver) -> None:
    register()
    job = running(JobFactory(type="report", payload={"password": "hunter-2"}))
    job.fail(Report(error="connection of hunter-2 refused", category="network", exit_code=3, retryable=False), by=HOLDER)
    deliver()

    assert len(receiver.got) == 4
    assert "hunter-2" not in "".join(got.body for got in receiver.got)
    (failed,) = [got.told["data"] for got in receiver.got if got.told["type"] == "job.failed"]
    assert (failed["category"], failed["exitCode"]) == ("network", 3)


def test_what_was_rolled_back_is_never_told(register: Register, receiver: Receiver) -> None:
    register()
    kept = JobFactory()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        JobFactory()
        raise ZeroDivisionError
    deliver()

    assert [got.told["data"]["jobId"] for got in receiver.got] == [kept.id]


def test_what_commits_late_is_told_nevertheless(register: Register, receiver: Receiver, live_db: str) -> None:
    register()
    with psycopg.connect(live_db) as slow:
        # It has the older id of the two, and is seen later.
        slow.execute(
            "insert into audit_log (job_id, sequence, action, to_status, actor_kind, actor, at, xid)"
            " values ('job_slow', 0, 'enqueue', 'queued', 'producer', 'p', now(), pg_current_xact_id())"
        )
        job = JobFactory()
        deliver()
        assert receiver.got == []
    deliver()

    assert {got.told["data"]["jobId"] for got in receiver.got} == {"job_slow", job.id}


def test_an_endpoint_hears_of_nothing_from_before_it_was_made_or_enabled(register: Register, receiver: Receiver) -> None:
    # While there is another, the log is read on.
    register(name="another", url=f"{receiver.url}/another")
    JobFactory()
    endpoint = register().endpoint
    first = JobFactory()
    deliver()
    endpoints.disable(endpoint.id, by=STAFF, reason="it moves")
    JobFactory()
    deliver()
    assert endpoints.enable(endpoint.id, by=STAFF)
    last = JobFactory()
    deliver()

    assert [got.told["data"]["jobId"] for got in receiver.got if got.path == "/hook"] == [first.id, last.id]
    assert len(receiver.got) == 2 + 4


def test_each_endpoint_hears_what_it_asked_for(register: Register, receiver: Receiver) -> None:
    with receiving() as failures, receiving() as reports:
        register()
        register(name="failures", url=failures.url, events=("job.failed",), categories=("network",))
        register(name="reports", url=reports.url, types=("report",), categories=("network",))
        for job_type in ("report", "import"):
            for category in ("network", "timeout"):
                running(JobFactory(type=job_type)).fail(Report(error="x", category=category, retryable=False), by=HOLDER)
        deliver()

        assert len(receiver.got) == 16
        assert {(got.told["data"]["jobType"], got.told["data"]["category"]) for got in failures.got} == {
            ("report", "network"),
            ("import", "network"),
        }
        heard = [(got.told["type"], got.told["data"]["category"]) for got in reports.got if got.told["data"]["jobType"] == "report"]
        assert len(heard) == len(reports.got) == 7
        assert ("job.failed", "timeout") not in heard
        # All endpoints know a change by the same id.
        assert {got.id for got in failures.got} < {got.id for got in receiver.got}


def test_there_is_an_event_for_every_status() -> None:
    assert [f"job.{status}" for status in Status] == [*events.EVENTS]


def test_a_message_that_is_not_taken_comes_again_with_the_same_id_and_body(register: Register, receiver: Receiver) -> None:
    replies = iter([Reply(500, b"busy"), Reply(302, headers={"Location": receiver.url}), Reply(204, b"")])
    receiver.reply = lambda got: next(replies)
    secret = register().secret
    JobFactory()
    deliver()
    (delivery,) = WebhookDelivery.objects.all()
    assert (delivery.state, delivery.tries, delivery.last_status, delivery.last_error) == ("pending", 1, 500, "answered 500")
    assert delivery.next_try_at is not None
    assert timedelta(seconds=3) < delivery.next_try_at - timezone.now() < timedelta(seconds=6)
    deliver()
    assert len(receiver.got) == 1, "it is not due"
    for _ in range(2):
        pass_time()
        deliver()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.last_status, delivery.last_error) == ("delivered", 3, 204, None)
    assert len({(got.id, got.body) for got in receiver.got}) == 1
    for got in receiver.got:
        got.verified(secret)
    tries = [(each.number, each.status, each.answer) for each in delivery.attempts.order_by("number")]
    assert tries == [(1, 500, "busy"), (2, 302, "ok"), (3, 204, "")]
    assert {got.path for got in receiver.got} == {"/hook"}, "no redirect is followed"


def test_the_schedule_runs_over_ten_tries_and_then_it_has_failed(register: Register, receiver: Receiver) -> None:
    receiver.reply = lambda got: Reply(500)
    register()
    JobFactory()
    waited = []
    for _ in DELAYS:
        deliver()
        (delivery,) = WebhookDelivery.objects.all()
        if delivery.next_try_at:
            waited.append((delivery.next_try_at - timezone.now()).total_seconds())
        pass_time()
    deliver()

    assert (delivery.state, delivery.tries, len(receiver.got)) == ("failed", 10, 10)
    for seconds, planned in zip(waited, DELAYS[1:], strict=True):
        assert planned - 2 < seconds <= planned * 1.2


def test_an_endpoint_that_is_gone_is_disabled_and_what_waits_stays(register: Register, receiver: Receiver) -> None:
    endpoint = register().endpoint
    JobFactory()
    receiver.reply = lambda got: Reply(410)
    deliver()
    JobFactory()
    pass_time()
    deliver()

    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "its receiver answered 410 Gone")
    assert len(receiver.got) == 1
    assert AuditEntry.objects.get(subject_type="webhook", action="disable").actor_kind == "system"
    receiver.reply = lambda got: Reply()
    endpoints.enable(endpoint.id, by=STAFF)
    deliver()
    assert WebhookDelivery.objects.get().state == "delivered"


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("120", 118, 121),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True), 297, 301),
        ("999999999999999999", 3590, 3601),
        ("soon", 4, 7),
        ("0", 4, 7),
    ],
)
def test_who_asks_for_silence_gets_it_within_bounds(register: Register, receiver: Receiver, said: Any, least: float, most: float) -> None:
    receiver.reply = lambda got: Reply(503, headers={"Retry-After": said if isinstance(said, str) else said()})
    endpoint = register().endpoint
    JobFactory()
    deliver()
    JobFactory()
    deliver()

    delivery = WebhookDelivery.objects.order_by("id")[0]
    assert delivery.next_try_at is not None
    assert least < (delivery.next_try_at - timezone.now()).total_seconds() < most
    endpoint.refresh_from_db()
    asked = least > 60
    # The whole endpoint is left alone.
    assert (endpoint.quiet_until is not None, len(receiver.got)) == (asked, 1 if asked else 2)


def test_both_secrets_sign_while_they_are_rotated(register: Register, receiver: Receiver) -> None:
    first = register()
    second = endpoints.rotate(first.endpoint.id, by=STAFF)
    JobFactory()
    deliver()
    third = endpoints.rotate(first.endpoint.id, by=STAFF)
    JobFactory()
    deliver()
    leaked = endpoints.rotate(first.endpoint.id, by=STAFF, both_for=timedelta(0))
    JobFactory()
    deliver()

    assert [len(got.headers["webhook-signature"].split()) for got in receiver.got] == [2, 2, 1]
    good = ((first, second), (second, third), (leaked,))
    for got, signing in zip(receiver.got, good, strict=True):
        for each in (first, second, third, leaked):
            if each in signing:
                assert got.verified(each.secret)
            else:
                with pytest.raises(WebhookVerificationError):
                    Webhook(each.secret).verify(got.body, got.headers)


def test_an_answer_is_kept_to_4_kib_and_as_text(register: Register, receiver: Receiver) -> None:
    receiver.reply = lambda got: Reply(200, b"\xff\x00" + b"a" * 10_000_000)
    register()
    JobFactory()
    deliver()

    (attempt,) = WebhookAttempt.objects.all()
    assert attempt.answer is not None
    assert attempt.answer.startswith("��aaa")
    assert len(attempt.answer) == 4096


def test_one_slow_endpoint_holds_up_no_other_and_is_not_crowded(register: Register, receiver: Receiver) -> None:
    def slowly(got: Got) -> Reply:
        time.sleep(3)
        return Reply()

    with receiving(slowly) as slow:
        register(name="slow", url=slow.url)
        register(name="dead", url="http://127.0.0.1:1025/")
        register(name="quick")
        for _ in range(12):
            JobFactory()
        began = time.monotonic()
        receiver.reply = lambda got: Reply(body=str(time.monotonic() - began).encode())
        deliver()

        assert slow.busiest == deliveries.MOST_AT_AN_ENDPOINT
        assert len(slow.got) == len(receiver.got) == 12
    quick = WebhookAttempt.objects.filter(delivery__endpoint__name="quick")
    assert all(float(attempt.answer or "inf") < 3 for attempt in quick)
    dead = WebhookDelivery.objects.filter(endpoint__name="dead")
    assert {(each.state, each.last_status) for each in dead} == {("pending", None)}
    assert all("refused" in str(each.last_error) for each in dead)


def test_a_failing_endpoint_is_tried_with_one_at_a_time(register: Register, receiver: Receiver) -> None:
    def fails(got: Got) -> Reply:
        time.sleep(0.05)
        return Reply(500)

    receiver.reply = fails
    endpoint = register().endpoint
    JobFactory()
    deliver()
    receiver.busiest = 0
    for _ in range(5):
        JobFactory()
    deliver()
    assert receiver.busiest == 1
    (backlog,) = deliveries.backlog()
    assert (backlog.endpoint, backlog.pending, backlog.failing) == ("erp", 6, True)

    receiver.reply = lambda got: Reply()
    pass_time()
    deliver()
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None
    assert deliveries.backlog()[0].pending == 0


def test_an_endpoint_that_is_dead_for_a_week_is_disabled(register: Register, receiver: Receiver) -> None:
    receiver.reply = lambda got: Reply(500)
    endpoint = register().endpoint
    for days, enabled in ((6, True), (8, False)):
        WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=days))
        JobFactory()
        deliver()
        endpoint.refresh_from_db()
        assert endpoint.enabled is enabled

    assert endpoint.disabled_reason == "no try has succeeded for 7 days"


def test_a_person_sends_a_test_and_a_delivery_anew(register: Register, receiver: Receiver) -> None:
    registered = register()
    JobFactory()
    deliver()
    endpoints.send_test(registered.endpoint.id, by=STAFF)
    deliver()
    told = receiver.got[-1].verified(registered.secret)
    assert (told["type"], told["data"]) == ("webhook.test", {"endpoint": "erp"})
    first = WebhookDelivery.objects.order_by("id")[0]
    endpoints.redeliver(first.id, by=STAFF, reason="it was lost in a restore")
    deliver()

    assert receiver.got[-1].id == receiver.got[0].id
    assert receiver.got[-1].body == receiver.got[0].body
    acts = AuditEntry.objects.filter(subject_type="webhook", subject_id=str(registered.endpoint.id)).order_by("id")
    assert [entry.action for entry in acts] == ["create", "test", "redeliver"]


def test_what_waits_is_discarded_at_a_persons_word(register: Register, receiver: Receiver) -> None:
    endpoint = register().endpoint
    receiver.reply = lambda got: Reply(500)
    JobFactory(status="running")
    deliver()

    assert endpoints.discard(endpoint.id, by=STAFF, reason="nobody needs them") == 3
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"discarded"}
    assert endpoints.discard(endpoint.id, by=STAFF, reason="nobody needs them") == 0
    pass_time()
    deliver()
    assert len(receiver.got) == 3


def test_nothing_is_sent_to_or_asked_of_a_disabled_endpoint(register: Register) -> None:
    endpoint = register().endpoint
    endpoints.disable(endpoint.id, by=STAFF, reason="x")
    assert not endpoints.disable(endpoint.id, by=STAFF, reason="x")

    with pytest.raises(endpoints.EndpointRefused, match="is disabled"):
        endpoints.send_test(endpoint.id, by=STAFF)


def test_no_secret_and_no_query_of_a_url_stands_in_log_or_audit(
    register: Register, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        registered = register(url=f"{receiver.url}?token=hunter-2")
        second = endpoints.rotate(registered.endpoint.id, by=STAFF)
        JobFactory()
        deliver()

    assert receiver.got[0].path == "/hook?token=hunter-2"
    texts = [json.dumps(entry.detail) for entry in AuditEntry.objects.all()] + [caplog.text, repr(registered), repr(deliveries.take(5))]
    for secret in (registered.secret, registered.secret.removeprefix("whsec_"), second.secret, "hunter-2"):
        assert not [text for text in texts if secret in text]


def test_while_there_is_no_endpoint_the_log_is_not_read(register: Register) -> None:
    JobFactory(status="completed")
    with connection.execute_wrapper(_refuse_the_log):
        assert events.fold() is False
    last = AuditEntry.objects.latest("id")
    register()

    place = Fold.objects.get(name=events.FOLD)
    assert (place.xid, place.entry) > (last.xid, 0), "all that was written before is passed over"
    assert events.fold() is False
    assert not WebhookDelivery.objects.exists()


def _refuse_the_log(execute: Any, text: str, *rest: Any) -> Any:
    assert "audit_log" not in text
    return execute(text, *rest)


def test_old_deliveries_are_forgotten_with_their_tries(register: Register, receiver: Receiver) -> None:
    register()
    JobFactory(status="running")
    deliver()
    kept = WebhookDelivery.objects.order_by("id")[0]
    WebhookDelivery.objects.exclude(id=kept.id).update(settled_at=timezone.now() - timedelta(days=15))

    assert deliveries.forget() is False
    assert list(WebhookDelivery.objects.all()) == [kept]
    assert WebhookAttempt.objects.count() == 1
