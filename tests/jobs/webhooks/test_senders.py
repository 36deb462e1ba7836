"""Senders as processes: killed at any moment, and several at once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from jobs.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from jobs.webhooks import deliveries, events
from jobs.webhooks.posting import Poster
from jobsite.death_signal import on_our_death
from tests.factories import JobFactory
from tests.jobs.webhooks.conftest import Register
from tests.receiver import Got, Receiver, Reply
from tests.server import REPOSITORY

pytestmark = pytest.mark.usefixtures("live_db")
KILLS = 20
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a sender in a process of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "deliver_webhooks", *options]
        allowed = {"JOBSITE_WEBHOOK_ALLOW_HTTP": "1", "JOBSITE_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
        started.append(subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | allowed, preexec_fn=on_our_death(signal.SIGTERM)))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_however_often_senders_are_killed_every_event_arrives_and_none_is_invented(
    start: Start, register: Register, receiver: Receiver
) -> None:
    chance = random.Random(11)  # noqa: S311  not a secret
    taken: set[str] = set()
    killed_in_the_midst = 0

    def by_chance(got: Got) -> Reply:
        time.sleep(chance.random() * 0.03)
        if chance.random() < 0.1:
            # The connection ends without an answer; whether the message was taken, nobody can tell.
            taken.update([got.id] * (chance.random() < 0.5))
            raise ConnectionAbortedError
        if chance.random() < 0.4:
            return Reply(chance.choice([302, 400, 429, 500, 503]))
        taken.add(got.id)
        return Reply()

    receiver.reply = by_chance
    secret = register().secret
    for _ in range(KILLS):
        sender = start("--loop", "--interval", "0.1")
        before = len(receiver.got)
        for _ in range(10):
            JobFactory(status="completed")
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                JobFactory(status="failed")
                raise ZeroDivisionError
        deadline = time.monotonic() + 20
        while len(receiver.got) < before + 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.2)
        sender.kill()
        sender.wait()
        held = WebhookDelivery.objects.filter(state="pending", lease__isnull=False)
        killed_in_the_midst += held.exists()
        # Half a minute goes by, and the pauses between tries.
        WebhookDelivery.objects.filter(state="pending").update(next_try_at=timezone.now() - timedelta(seconds=1), step=0, lease=None)
        WebhookEndpoint.objects.update(quiet_until=None)

    def good(got: Got) -> Reply:
        taken.add(got.id)
        return Reply()

    receiver.reply = good
    call_command("deliver_webhooks", interval=0.1)

    changes = [entry for entry in AuditEntry.objects.filter(job_id__isnull=False) if entry.from_status != entry.to_status]
    made = {each.event_id: each for each in WebhookDelivery.objects.all()}
    assert Counter(each.entry_id for each in made.values()) == Counter(entry.id for entry in changes)
    assert len(changes) == KILLS * 10 * 4
    assert {each.state for each in made.values()} == {"delivered"}
    assert taken == set(made), "every event arrived, and no other"
    for got in receiver.got:
        assert got.verified(secret)
        assert got.body == made[got.id].body
    assert len(receiver.got) > len(made) * 1.1, "many came again"
    assert killed_in_the_midst > KILLS / 2, "most were killed with something in their hands"


def test_senders_at_once_take_each_delivery_once(start: Start, register: Register, receiver: Receiver) -> None:
    receiver.reply = after(0.01)
    register()
    for _ in range(40):
        JobFactory(status="completed")
    senders = [start() for _ in range(3)]
    assert [sender.wait(60) for sender in senders] == [0, 0, 0]

    assert len(receiver.got) == 160
    assert len({got.id for got in receiver.got}) == 160
    assert set(WebhookDelivery.objects.values_list("state", "tries")) == {("delivered", 1)}


def test_a_sender_that_is_told_to_stop_ends_what_is_under_way(start: Start, register: Register, receiver: Receiver) -> None:
    receiver.reply = after(1)
    register()
    JobFactory()
    sender = start("--loop")
    deadline = time.monotonic() + 30
    while not receiver.got and time.monotonic() < deadline:
        time.sleep(0.01)
    sender.terminate()

    assert sender.wait(10) == 0
    assert WebhookDelivery.objects.get().state == "delivered"


def test_what_is_taken_is_nobody_elses_until_its_time(register: Register) -> None:
    register()
    JobFactory(status="running")
    assert folded() == 3
    (first,) = deliveries.take(1)
    rest = deliveries.take(10)

    assert {each.id for each in rest}.isdisjoint({first.id})
    assert len(rest) == 2
    assert deliveries.take(10) == []
    WebhookDelivery.objects.filter(id=first.id).update(next_try_at=timezone.now())
    (again,) = deliveries.take(10)
    assert (again.id, again.event_id, again.body) == (first.id, first.event_id, first.body)
    assert again.lease != first.lease


def test_who_was_given_up_changes_nothing_any_more(register: Register, receiver: Receiver) -> None:
    register()
    JobFactory()
    folded()
    (first,) = deliveries.take(1)
    WebhookDelivery.objects.update(next_try_at=timezone.now())
    (again,) = deliveries.take(1)
    with ThreadPoolExecutor(1) as resolvers:
        answer = Poster(resolvers).post(receiver.url, "{}", headers={})
    deliveries.settle([(first, answer)])
    assert WebhookDelivery.objects.get().state == "pending"
    deliveries.settle([(again, answer)])

    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.tries) == ("delivered", 1)


def folded() -> int:
    """Makes deliveries of everything; how many there are."""
    while events.fold():
        pass
    return WebhookDelivery.objects.count()


def after(seconds: float) -> Callable[[Got], Reply]:
    """Takes each message, and its time."""

    def reply(got: Got) -> Reply:
        time.sleep(seconds)
        return Reply()

    return reply
