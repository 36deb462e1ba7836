"""Tables whose rows are written again and again have room for that where the rows are."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs import leases, tokens
from jobs.actors import Holder
from jobs.leases import Pulse
from jobs.throttling import count_failure
from tests.factories import STAFF

Sql = Callable[..., list[tuple[Any, ...]]]
MANY = 300


@pytest.mark.django_db
def test_a_sign_of_life_makes_no_new_index_entry(sql: Sql) -> None:
    for _ in range(2):
        for number in range(MANY):
            leases.heartbeat(Pulse(version="1.0", hostname="a-machine.example"), by=Holder.of(f"orchestrator-{number}"))

    assert updates_of("orchestrators", sql) == (MANY, MANY)


@pytest.mark.django_db
def test_the_note_of_a_tokens_use_makes_none(sql: Sql) -> None:
    issued = [tokens.issue(f"token-{number}", scopes=["read"], by=STAFF).token for number in range(MANY)]
    for token in issued:
        tokens.note_use(token.public_id)

    assert updates_of("api_tokens", sql) == (MANY, MANY)


@pytest.mark.django_db
def test_the_count_of_a_wrong_token_makes_none(sql: Sql) -> None:
    for _ in range(2):
        for number in range(MANY):
            count_failure(f"10.0.{number // 256}.{number % 256}")

    assert updates_of("auth_failures", sql) == (MANY, MANY)


def updates_of(table: str, sql: Sql) -> tuple[int, int]:
    """How many rows were updated in this transaction, and how many of them without a new index entry."""
    ((updated, hot),) = sql(
        "select pg_stat_get_xact_tuples_updated(%s::regclass), pg_stat_get_xact_tuples_hot_updated(%s::regclass)", table, table
    )
    return updated, hot
