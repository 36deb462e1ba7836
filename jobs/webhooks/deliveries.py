"""Deliveries as rows: taken by whoever tries them, each by one at a time, and what became of the tries written down."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs import statements
from jobs.actors import Actor
from jobs.lifecycle import ActorKind
from jobs.models import WebhookEndpoint, WebhookSecret
from jobs.webhooks import endpoints
from jobs.webhooks.posting import GONE, SECONDS_A_TRY, Answer
from jobs.webhooks.schedule import judged, silence_seconds

# One slow receiver holds so many senders' threads at most.
MOST_AT_AN_ENDPOINT = 8
MOST_COUNTED = 10_000
# An endpoint that is dead for longer is disabled: what waits for it would only grow.
FAILS_AT_MOST = timedelta(days=7)
# A try, and time to write down what became of it.
_LEASE_SECONDS = int(SECONDS_A_TRY) + 15
_FORGOTTEN_AT_ONCE = 2000
_BY = Actor(ActorKind.SYSTEM, "webhooks")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A delivery in the hands of a sender.

    Attributes:
        lease: by which the sender is known; without it nothing can be said of the delivery.
        step: how many tries of the schedule came before.
        keys: what signs, the newest first.
    """

    id: int
    lease: int
    endpoint_id: int
    event_id: str
    body: str
    step: int
    url: str
    keys: tuple[str, ...] = field(repr=False)


def take(most: int) -> list[Taken]:
    """Takes deliveries that are due; who dies with them gives them back by letting time pass.

    Args:
        most: how many.
    """
    lease = secrets.randbits(62)
    rows = statements.run("claim_deliveries", most=most, most_each=MOST_AT_AN_ENDPOINT, lease=lease, seconds=_LEASE_SECONDS)
    if not rows:
        return []
    ids = {row["endpoint_id"] for row in rows}
    urls = dict(WebhookEndpoint.objects.filter(id__in=ids).values_list("id", "url"))
    keys: dict[int, list[str]] = defaultdict(list)
    signing = WebhookSecret.objects.filter(Q(signs_until__isnull=True) | Q(signs_until__gt=Now()), endpoint__in=ids).order_by("-id")
    for endpoint_id, text in signing.values_list("endpoint_id", "text"):
        keys[endpoint_id].append(text)
    rows.sort(key=lambda row: row["id"])
    return [Taken(lease=lease, url=urls[row["endpoint_id"]], keys=tuple(keys[row["endpoint_id"]]), **row) for row in rows]


def settle(tried: Sequence[tuple[Taken, Answer]]) -> None:
    """Writes down what became of deliveries, and what that says of their endpoints, in one transaction."""
    verdicts = [judged(answer, step=taken.step) for taken, answer in tried]
    with transaction.atomic():
        _settle_endpoints(tried)
        statements.run(
            "settle_deliveries",
            ids=[taken.id for taken, _ in tried],
            leases=[taken.lease for taken, _ in tried],
            states=[verdict.state.value for verdict in verdicts],
            delays=[verdict.delay_seconds for verdict in verdicts],
            ats=[answer.at for _, answer in tried],
            seconds=[answer.seconds for _, answer in tried],
            statuses=[answer.status for _, answer in tried],
            answers=[answer.head for _, answer in tried],
            errors=[answer.error for _, answer in tried],
        )


@dataclass(frozen=True)
class Backlog:
    """What waits to be sent to an endpoint.

    Attributes:
        pending: how many deliveries, counted to 10,000.
        overdue_seconds: for how long the one that waits longest has been due.
        failing: its last try did not succeed.
    """

    endpoint: str
    pending: int
    overdue_seconds: float
    failing: bool


def backlog() -> list[Backlog]:
    """What waits for each endpoint that is enabled."""
    rows = statements.run("webhook_backlog", most=MOST_COUNTED)
    return [Backlog(row["name"], row["pending"], row["overdue"] or 0.0, row["failing_since"] is not None) for row in rows]


def forget(kept_for: timedelta | None = None) -> bool:
    """Removes deliveries that came to an end long ago, in whichever way.

    Args:
        kept_for: from then on; None: as the settings say.

    Returns:
        Whether there may be more at once.
    """
    period = kept_for or settings.KEEP_DELIVERIES
    if period is None:
        return False
    return len(statements.run("forget_deliveries", kept_for=period, most=_FORGOTTEN_AT_ONCE)) == _FORGOTTEN_AT_ONCE


def _settle_endpoints(tried: Iterable[tuple[Taken, Answer]]) -> None:
    answers: dict[int, list[Answer]] = defaultdict(list)
    for taken, answer in tried:
        answers[taken.endpoint_id].append(answer)
    # In the order of their ids, as every sender locks them; a row that is as it should be is not written.
    for endpoint_id, told in sorted(answers.items()):
        row = WebhookEndpoint.objects.filter(id=endpoint_id)
        if any(answer.error is None for answer in told):
            row.filter(failing_since__isnull=False).update(failing_since=None)
        else:
            row.filter(failing_since__isnull=True).update(failing_since=Now())
            if row.filter(failing_since__lt=Now() - FAILS_AT_MOST).exists():
                endpoints.disable(endpoint_id, by=_BY, reason=f"no try has succeeded for {FAILS_AT_MOST.days} days")
        if silence := max(map(silence_seconds, told)):
            row.update(quiet_until=Now() + timedelta(seconds=silence))
        if any(answer.status == GONE for answer in told):
            endpoints.disable(endpoint_id, by=_BY, reason="its receiver answered 410 Gone")
