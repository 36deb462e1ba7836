"""How a token is recognised: what it costs, how long it is remembered, and that wrong ones are throttled by address."""

import ipaddress
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs import statements, tokens
from jobs.models import ApiToken
from orchestration_api.authentication import REMEMBERED_SECONDS
from tests.factories import STAFF
from tests.orchestration_api.access import DEAD, LIVING, token
from tests.orchestration_api.wire import assert_error, send
from tests.postgres import API_KEY

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]
HEALTH = "/orchestrator/health"
NETWORKS = "10.0.0.0/8, 192.0.2.1, 2001:db8::/32"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that were run, as they are run."""
    names: list[str] = []
    run = statements.run

    def listen(*words: str, **parameters: object) -> list[dict[str, Any]]:
        names.extend(words)
        return run(*words, **parameters)

    monkeypatch.setattr(statements, "run", listen)
    return names


def call(text: str, *, address: str = "192.0.2.99", forwarded: str | None = None) -> Any:
    client = APIClient(headers={"Authorization": f"Bearer {text}"} | ({"X-Forwarded-For": forwarded} if forwarded else {}))
    return client.get("/api/internal" + HEALTH, REMOTE_ADDR=address)


def test_a_token_costs_one_query_and_then_none_for_a_moment(asked: list[str]) -> None:
    text = token("read")
    tokens.note_use(ApiToken.objects.get().public_id)
    asked.clear()
    assert [call(text).status_code for _ in range(3)] == [200] * 3

    assert asked == ["look_up_token"]


def test_the_shared_key_and_what_can_be_no_token_cost_none(asked: list[str]) -> None:
    assert call(API_KEY).status_code == 200
    assert call("jst_garbled").status_code == 401

    assert asked == ["auth_failure"]


def test_the_first_use_is_noted_and_the_next_one_a_minute_later(asked: list[str], sql: Sql) -> None:
    text = token("read")
    call(text)
    assert ApiToken.objects.get().last_used_at
    time.sleep(REMEMBERED_SECONDS)
    call(text)
    assert asked.count("note_token_use") == 1

    sql("update api_tokens set last_used_at = last_used_at - interval '1 minute'")
    time.sleep(REMEMBERED_SECONDS)
    call(text)
    assert asked.count("note_token_use") == 2


def test_nobody_is_turned_away_because_a_use_can_not_be_noted(sql: Sql, caplog: pytest.LogCaptureFixture) -> None:
    text = token("read")
    sql("create function refuse() returns trigger language plpgsql as $f$ begin raise exception 'full'; end $f$")
    sql("create trigger refuse before update on api_tokens for each row execute function refuse()")

    assert call(text).status_code == 200
    assert "could not be noted" in caplog.text
    assert text not in caplog.text


def test_a_token_is_believed_no_longer_than_it_lives() -> None:
    text = token("read", expires_in=timedelta(seconds=2))
    expires_at = time.monotonic() + 2
    assert call(text).status_code == 200
    time.sleep(expires_at - time.monotonic() - REMEMBERED_SECONDS / 2)
    # Looked up anew shortly before its end: remembered until then only.
    call(text)
    time.sleep(REMEMBERED_SECONDS / 2 + 0.05)

    details = assert_error(call(text), 401, "AUTH_EXPIRED_TOKEN")
    assert details["expiredAt"]


def test_a_token_that_is_both_expired_and_revoked_is_told_as_revoked(sql: Sql) -> None:
    text = token("read", expires_in=timedelta(hours=1))
    tokens.revoke("caller", by=STAFF)
    sql("update api_tokens set expires_at = clock_timestamp()")

    assert_error(call(text), 401, "AUTH_INVALID_TOKEN")


def test_the_scheme_is_bearer_in_any_case_and_nothing_else() -> None:
    text = token("read")

    for scheme, status in (("bearer", 200), ("BEARER", 200), ("Token", 401), ("Basic", 401)):
        assert APIClient(headers={"Authorization": f"{scheme} {text}"}).get("/api/internal" + HEALTH).status_code == status


# --- wrong tokens ---------------------------------------------------------------------------------------------------


@override_settings(AUTH_FAILURES_PER_MINUTE=3)
def test_too_many_wrong_tokens_are_told_to_wait_and_then_cost_nothing(asked: list[str], sql: Sql) -> None:
    answers = [call("nope", address="198.51.100.1") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    details = assert_error(answers[-1], 429, "RATE_LIMIT_EXCEEDED")
    assert 50 < details["retryAfterSeconds"] <= 60
    assert answers[-1]["Retry-After"] == str(details["retryAfterSeconds"])
    assert asked.count("auth_failure") == 4
    assert sql("select address, count from auth_failures") == [("198.51.100.1", 4)]


@override_settings(AUTH_FAILURES_PER_MINUTE=1)
@pytest.mark.parametrize("who", LIVING)
def test_a_valid_token_is_never_throttled(who: str) -> None:
    address = f"2001:db8:0:{[*LIVING].index(who)}::1"
    assert [call("nope", address=address).status_code for _ in range(3)] == [401, 429, 429]
    text = LIVING[who]()

    assert [call(text, address=address).status_code for _ in range(3)] == [200] * 3
    assert call("nope", address=address).status_code == 429


@override_settings(AUTH_FAILURES_PER_MINUTE=1)
@pytest.mark.parametrize("who", ["none", "revoked", "expired"])
def test_what_is_no_guess_at_a_token_does_not_count(who: str, sql: Sql) -> None:
    text = DEAD[who]()
    client = APIClient(headers={"Authorization": f"Bearer {text}"} if text else {})

    assert {send(client, "get", HEALTH).status_code for _ in range(5)} == {401}
    assert sql("select * from auth_failures") == []


@override_settings(AUTH_FAILURES_PER_MINUTE=1)
def test_an_address_that_waited_may_try_again(monkeypatch: pytest.MonkeyPatch, sql: Sql) -> None:
    assert [call("nope", address="198.51.100.2").status_code for _ in range(2)] == [401, 429]
    sql("update auth_failures set began_at = began_at - interval '1 minute'")
    later = time.monotonic() + 61
    monkeypatch.setattr("orchestration_api.wrong_tokens.time.monotonic", lambda: later)

    assert call("nope", address="198.51.100.2").status_code == 401


def test_a_wrong_token_that_can_not_be_counted_is_still_only_wrong(sql: Sql, caplog: pytest.LogCaptureFixture) -> None:
    sql("create function refuse() returns trigger language plpgsql as $f$ begin raise exception 'full'; end $f$")
    sql("create trigger refuse before insert on auth_failures for each row execute function refuse()")

    assert_error(call("nope"), 401, "AUTH_INVALID_TOKEN")
    assert "could not be counted" in caplog.text


@pytest.mark.parametrize(
    ("address", "forwarded", "counted"),
    [
        ("198.51.100.7", None, "198.51.100.7"),
        # Whoever is no proxy of ours may say what it likes.
        ("198.51.100.7", "203.0.113.1", "198.51.100.7"),
        ("10.1.2.3", "203.0.113.1", "203.0.113.1"),
        # What stands before the last address that is none of ours is the client's own word.
        ("10.1.2.3", "203.0.113.9, 203.0.113.1", "203.0.113.1"),
        ("10.1.2.3", "203.0.113.9, 203.0.113.1, 192.0.2.1, 10.9.9.9", "203.0.113.1"),
        ("10.1.2.3", "10.0.0.1, 203.0.113.1", "203.0.113.1"),
        ("10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("10.1.2.3", None, "10.1.2.3"),
        ("10.1.2.3", "203.0.113.1, nonsense", "10.1.2.3"),
        ("10.1.2.3", "unknown, 10.0.0.2", "10.0.0.2"),
        ("10.1.2.3", ",,,", "10.1.2.3"),
        ("::ffff:10.1.2.3", "::ffff:203.0.113.1", "203.0.113.1"),
        # One who has an address of a /64 has all of them.
        ("2001:db8::1", "2a00:1:2:3:4:5:6:7", "2a00:1:2:3::/64"),
        ("2a00:1:2:3::9", "203.0.113.1", "2a00:1:2:3::/64"),
        ("fe80::1%eth0", None, "fe80::/64"),
        ("", None, "unknown"),
    ],
)
def test_whose_count_a_wrong_token_is(sql: Sql, address: str, forwarded: str | None, counted: str) -> None:
    with override_settings(TRUSTED_PROXIES=[ipaddress.ip_network(word.strip()) for word in NETWORKS.split(",")]):
        assert call("nope", address=address, forwarded=forwarded).status_code == 401

    assert sql("select address from auth_failures") == [(counted,)]


def test_without_proxies_nobody_s_word_is_taken(sql: Sql) -> None:
    for n in range(3):
        call("nope", address="127.0.0.1", forwarded=f"203.0.113.{n}")

    assert sql("select address, count from auth_failures") == [("127.0.0.1", 3)]
