"""A cast for webhooks: receivers on loopback, which the settings of these tests allow."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from jobs.webhooks import endpoints
from jobs.webhooks.endpoints import Registered, Wish
from tests.factories import STAFF
from tests.receiver import Receiver, receiving

Register = Callable[..., Registered]


@pytest.fixture(autouse=True)
def _loopback_may_be_reached(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def register(receiver: Receiver) -> Register:
    """Makes an endpoint at the receiver, or where `url` says."""

    def make(**wish: Any) -> Registered:
        return endpoints.create(Wish(**{"name": "erp", "url": receiver.url, **wish}), by=STAFF)

    return make
