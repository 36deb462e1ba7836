"""A list of the admin is given up before it takes the database from those who work."""

from typing import Any

import pytest
from django.db.models.expressions import RawSQL
from django.test import Client

from jobs.admin.failure_group import FailureGroupAdmin
from tests.factories import JobFactory, grouped

LIST = "/admin/jobs/failuregroup/"


def test_a_list_that_takes_too_long_says_how_to_ask_for_less(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    grouped(JobFactory(status="failed"))
    asked = FailureGroupAdmin.get_queryset

    def slow(admin: FailureGroupAdmin, request: Any) -> Any:
        return asked(admin, request).annotate(slept=RawSQL("pg_sleep(5)::text", ())).exclude(slept="x")

    monkeypatch.setattr(FailureGroupAdmin, "get_queryset", slow)
    page = admin_client.get(LIST)

    assert page.status_code == 200
    assert "This takes too long" in page.text
    assert 'id="branding"' in page.text
