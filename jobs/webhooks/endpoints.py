"""What people do with endpoints and deliveries. Each act stands in the audit log; no secret does, nor what of a URL may be one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_hex
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from jobs import statements, times
from jobs.actors import Actor
from jobs.failures import Category
from jobs.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookSecret
from jobs.records import SiteAct, record
from jobs.webhooks import events, signing, targets

# How long the old secret signs besides the new one, so that receivers learn the new one in their time.
BOTH_SIGN = timedelta(hours=24)
_DISCARDED_AT_ONCE = 5000
_SUBJECT = "webhook"


class EndpointRefused(Exception):
    """An endpoint can't be as asked, or the act does not fit it; the message says why."""


@dataclass(frozen=True)
class Registered:
    """An endpoint, and a new secret of it: told here, and never again."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an endpoint is to be.

    Attributes:
        name: by which people know it, 1 to 100 characters.
        url: where messages are posted to.
        events: which, of jobs.webhooks.events.EVENTS; none means all.
        types: of jobs of these types only; none means all.
        categories: of failures, those of these categories only; none means all. It narrows nothing else.
    """

    name: str
    url: str
    description: str = ""
    events: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "url": self.url,
            "description": self.description,
            "events": [event for event in events.EVENTS if event in self.events],
            "types": sorted(set(self.types)),
            "categories": [category.value for category in Category if category in self.categories],
        }


def create(wish: Wish, *, by: Actor, reason: str | None = None) -> Registered:
    """Makes an endpoint, which hears of what changes from now on.

    Raises:
        EndpointRefused: there can't be such an endpoint.
    """
    _refuse_impossible(wish)
    with _unique_name(wish), transaction.atomic():
        endpoint = WebhookEndpoint.objects.create(since=events.begin_here(), created_by=by.name, **wish.columns())
        endpoint.refresh_from_db()
        secret = WebhookSecret.objects.create(endpoint=endpoint, text=signing.new_secret())
        _record(SiteAct.CREATE, endpoint, by=by, reason=reason, **_told(endpoint))
    return Registered(endpoint, secret.text)


def configure(endpoint_id: int, wish: Wish, *, by: Actor, reason: str | None = None) -> WebhookEndpoint:
    """Changes an endpoint. What is pending for it already is sent nevertheless, to where it is now.

    Raises:
        EndpointRefused: it can't be so.
    """
    _refuse_impossible(wish)
    with _unique_name(wish), transaction.atomic():
        endpoint = _locked(endpoint_id)
        before = _told(endpoint)
        for name, value in wish.columns().items():
            setattr(endpoint, name, value)
        endpoint.failing_since = endpoint.quiet_until = None
        endpoint.save(update_fields=[*wish.columns(), "failing_since", "quiet_until"])
        changed = {name: value for name, value in _told(endpoint).items() if value != before[name]}
        _record(SiteAct.CONFIGURE, endpoint, by=by, reason=reason, changed=changed)
    return endpoint


def rotate(endpoint_id: int, *, by: Actor, reason: str | None = None, both_for: timedelta = BOTH_SIGN) -> Registered:
    """Makes a new secret. It and the one before it sign for a while, then it alone; an older one ends now.

    Args:
        both_for: from now; none at all for a secret that leaked.
    """
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        endpoint.secrets.filter(signs_until__isnull=False).delete()
        endpoint.secrets.filter(signs_until__isnull=True).update(signs_until=Now() + both_for)
        secret = WebhookSecret.objects.create(endpoint=endpoint, text=signing.new_secret())
        _record(SiteAct.ROTATE, endpoint, by=by, reason=reason, bothSignForSeconds=int(both_for.total_seconds()))
    return Registered(endpoint, secret.text)


def enable(endpoint_id: int, *, by: Actor, reason: str | None = None) -> bool:
    """Lets an endpoint hear of what changes from now on, and sends what still waits for it.

    Returns:
        Whether it was disabled.
    """
    with transaction.atomic():
        since = events.begin_here()
        endpoint = _locked(endpoint_id)
        if endpoint.enabled:
            return False
        WebhookEndpoint.objects.filter(id=endpoint_id).update(
            enabled=True, disabled_reason=None, since=since, failing_since=None, quiet_until=None
        )
        _record(SiteAct.ENABLE, endpoint, by=by, reason=reason)
    return True


def disable(endpoint_id: int, *, by: Actor, reason: str) -> bool:
    """Sends nothing more to an endpoint: what changes meanwhile is not told to it at all, what is pending waits.

    Returns:
        Whether it was enabled.
    """
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        if not endpoint.enabled:
            return False
        WebhookEndpoint.objects.filter(id=endpoint_id).update(enabled=False, disabled_reason=reason)
        _record(SiteAct.DISABLE, endpoint, by=by, reason=reason)
    return True


def send_test(endpoint_id: int, *, by: Actor, reason: str | None = None) -> WebhookDelivery:
    """Sends a message that tells of no job, signed like any other.

    Raises:
        EndpointRefused: it is disabled.
    """
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        if not endpoint.enabled:
            raise EndpointRefused(f"{endpoint.name} is disabled: enable it first.")
        body = {"data": {"endpoint": endpoint.name}, "type": events.TEST, "timestamp": times.written(times.now())}
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint,
            event_id=f"evt_{token_hex(16)}",
            event=events.TEST,
            body=msgspec.json.encode(body).decode(),
            next_try_at=Now(),
        )
        _speak(endpoint)
        _record(SiteAct.TEST, endpoint, by=by, reason=reason, event=delivery.event_id)
    return delivery


def redeliver(delivery_id: int, *, by: Actor, reason: str | None = None) -> WebhookDelivery:
    """Sends a delivery once more, with the id and the body that it had: now, and by the schedule from its beginning if that fails.

    Raises:
        EndpointRefused: its endpoint is disabled, or it is being tried just now.
    """
    with transaction.atomic():
        delivery = WebhookDelivery.objects.select_for_update(of=("self",)).select_related("endpoint").get(id=delivery_id)
        if not delivery.endpoint.enabled:
            raise EndpointRefused(f"{delivery.endpoint.name} is disabled: enable it first.")
        if delivery.lease is not None and delivery.next_try_at is not None and delivery.next_try_at > times.now():
            raise EndpointRefused("It is being tried just now.")
        WebhookDelivery.objects.filter(id=delivery_id).update(
            state=DeliveryState.PENDING, next_try_at=Now(), step=0, lease=None, settled_at=None
        )
        _speak(delivery.endpoint)
        _record(SiteAct.REDELIVER, delivery.endpoint, by=by, reason=reason, event=delivery.event_id, jobId=delivery.job_id)
    delivery.refresh_from_db()
    return delivery


def discard(endpoint_id: int, *, by: Actor, reason: str) -> int:
    """Gives up what is pending for an endpoint, but what is being tried just now. Each can be redelivered.

    Returns:
        How many.
    """
    gone, last = 0, _DISCARDED_AT_ONCE
    while last == _DISCARDED_AT_ONCE:
        last = len(statements.run("discard_deliveries", endpoint=endpoint_id, most=_DISCARDED_AT_ONCE))
        gone += last
    if gone:
        _record(SiteAct.DISCARD, WebhookEndpoint.objects.get(id=endpoint_id), by=by, reason=reason, deliveries=gone)
    return gone


def _refuse_impossible(wish: Wish) -> None:
    if not wish.name.strip() or len(wish.name) > 100:
        raise EndpointRefused("An endpoint's name is 1 to 100 characters.")
    if unknown := _beyond(wish.events, events.EVENTS):
        raise EndpointRefused(f"Events are {', '.join(events.EVENTS)}; not {unknown}.")
    if unknown := _beyond(wish.categories, Category):
        raise EndpointRefused(f"Categories are {', '.join(Category)}; not {unknown}.")
    if any(not 0 < len(name) <= 100 or "\0" in name for name in wish.types):
        raise EndpointRefused("A job's type is 1 to 100 characters.")
    try:
        targets.read(wish.url)
    except targets.TargetRefused as refusal:
        raise EndpointRefused(str(refusal)) from None


def _beyond(words: Iterable[str], known: Iterable[str]) -> str:
    return ", ".join(sorted(set(words) - set(known)))


@contextmanager
def _unique_name(wish: Wish) -> Iterator[None]:
    """Tells a name that is taken in words."""
    try:
        yield
    except IntegrityError as error:
        if "webhook_endpoints_name" not in str(error):
            raise
        raise EndpointRefused(f"There is an endpoint named {wish.name} already.") from None


def _locked(endpoint_id: int) -> WebhookEndpoint:
    return WebhookEndpoint.objects.select_for_update(no_key=True).get(id=endpoint_id)


def _speak(endpoint: WebhookEndpoint) -> None:
    """What a person asks for waits for no silence."""
    WebhookEndpoint.objects.filter(id=endpoint.id, quiet_until__isnull=False).update(quiet_until=None)


def _told(endpoint: WebhookEndpoint) -> dict[str, object]:
    """An endpoint as the log tells it."""
    told = {name: getattr(endpoint, name) for name in ("name", "description", "events", "types", "categories")}
    return {**told, "url": endpoint.shown_url}


def _record(act: SiteAct, endpoint: WebhookEndpoint, *, by: Actor, reason: str | None, **detail: object) -> None:
    told = {"name": endpoint.name, **detail}
    record(act, subject_type=_SUBJECT, subject_id=str(endpoint.id), by=by, reason=reason, detail=told)
