"""One cast for every test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from jobs import claiming
from jobs.actors import Actor, Holder
from orchestration_api import waiting, wrong_tokens
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF
from tests.postgres import API_KEY


@pytest.fixture
def holder() -> Holder:
    """The orchestrator that claims in these tests."""
    return HOLDER


@pytest.fixture
def other() -> Holder:
    """Another one."""
    return OTHER


@pytest.fixture
def producer() -> Actor:
    return PRODUCER


@pytest.fixture
def staff() -> Actor:
    return STAFF


@pytest.fixture
def api(db: None) -> APIClient:
    """The machine door, called with the shared key as orchestrator orch-1, through Django's whole stack."""
    client = APIClient(headers={"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": HOLDER.name})
    client.raise_request_exception = False
    return client


@pytest.fixture
def at_commit(db: None) -> Callable[[], None]:
    """Makes the database judge now what it otherwise judges at commit."""

    def judge() -> None:
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")
            cursor.execute("set constraints all deferred")

    return judge


@pytest.fixture
def sql(db: None) -> Callable[..., list[tuple[Any, ...]]]:
    """Runs a statement past Django and the door."""

    def run(text: str, *parameters: object) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(text, parameters or None)  # type: ignore[arg-type]  # whatever psycopg adapts
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture(autouse=True)
def _nobody_is_known_from_another_test() -> None:
    """Whose row went with the database of a test must be noted, or counted, anew in the next."""
    claiming.contacts.forget()
    wrong_tokens.over_limit.forget()


@pytest.fixture(scope="session", autouse=True)
def _nobody_listens_on() -> Iterator[None]:
    """Ends the listener of waits in the test process before its database goes."""
    yield
    waiting.stop()


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pages of tests need no collected files."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.STATIC_ROOT = tmp_path_factory.getbasetemp()
