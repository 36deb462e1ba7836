"""The table, and that everything else is derived from it."""

import pytest
from django.db import connection

from jobs import guards, lifecycle
from jobs.lifecycle import (
    COMPOUND,
    ILLEGAL_PAIRS,
    LEGAL_PAIRS,
    LIVE,
    TERMINAL,
    ActorKind,
    Status,
    Verb,
    allowed_from,
    permissions_of,
    verbs_from,
)
from jobs.models import Job

# Written from the contract, not from the code.
CONTRACT = {
    ("queued", "claimed"), ("queued", "cancelled"),
    ("claimed", "running"), ("claimed", "queued"), ("claimed", "failed"), ("claimed", "cancelled"),
    ("running", "completed"), ("running", "failed"), ("running", "cancelled"), ("running", "queued"),
    ("failed", "queued"), ("cancelled", "queued"),
}  # fmt: skip


def test_the_legal_pairs_are_the_contract_s() -> None:
    assert LEGAL_PAIRS == CONTRACT
    assert len(ILLEGAL_PAIRS) == 18


def test_every_status_is_waiting_held_or_ended() -> None:
    assert {Status.QUEUED} | LIVE | TERMINAL == set(Status)
    assert all(status.label and status.meaning for status in Status)


def test_a_completed_job_leads_nowhere() -> None:
    assert allowed_from(Status.COMPLETED) == []
    assert all(verbs_from(Status.COMPLETED, actor) == [] for actor in ActorKind)


def test_compound_steps_are_made_of_legal_ones() -> None:
    for (source, target), between in COMPOUND.items():
        assert {(source, between), (between, target)} <= LEGAL_PAIRS


def test_staff_are_offered_what_the_table_gives_them() -> None:
    assert verbs_from(Status.QUEUED, ActorKind.USER) == [Verb.CANCEL]
    assert verbs_from(Status.RUNNING, ActorKind.USER) == [Verb.RELEASE, Verb.FAIL, Verb.CANCEL]
    assert verbs_from(Status.FAILED, ActorKind.USER) == [Verb.RETRY]


def test_a_sweep_never_gives_a_running_job_back() -> None:
    assert "release:claimed" in permissions_of(ActorKind.SWEEP)
    assert "release:running" not in permissions_of(ActorKind.SWEEP)


def test_the_column_knows_the_statuses_of_the_table() -> None:
    assert [value for value, _ in Job._meta.get_field("status").choices or []] == list(Status)


@pytest.mark.django_db
def test_the_guard_in_the_database_is_the_one_the_table_gives() -> None:
    """The installed trigger and the one rendered now are told by PostgreSQL in the same words."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'transition_guard'")
        (installed,) = cursor.fetchone()
        cursor.execute("drop trigger transition_guard on jobs")
        cursor.execute(guards.transition_guard())
        cursor.execute("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'transition_guard'")
        (rendered,) = cursor.fetchone()
    assert installed == rendered


@pytest.mark.django_db
def test_the_pairs_that_an_inserted_job_s_story_may_have_are_the_table_s() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select prosrc from pg_proc where proname = 'refuse_unaudited'")
        (source,) = cursor.fetchone()
    assert f"in ({guards.legal_pairs()})" in source


def test_the_lifecycle_imports_nothing_of_ours() -> None:
    with open(str(lifecycle.__file__)) as source:
        assert not [line for line in source if line.startswith(("from jobs", "import jobs", "from django"))]
