"""Issued tokens: who may have one, how they end, and that nothing of their text is kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from jobs import tokens
from jobs.models import ApiToken, AuditEntry, Scope
from jobs.tokens import TokenRefused, issue, look_up, revoke
from tests.factories import STAFF

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]


def entry_of(public_id: str, action: str) -> AuditEntry:
    return AuditEntry.objects.get(subject_type="token", subject_id=public_id, action=action)


def test_what_was_issued_is_known_again_by_its_text() -> None:
    issued = issue("importer", scopes=["read", "enqueue"], by=STAFF, expires_in=timedelta(days=30))
    proven = look_up(issued.text)

    assert proven
    assert (proven.public_id, proven.name, proven.orchestrator_id) == (issued.token.public_id, "importer", None)
    assert proven.scopes == {Scope.READ, Scope.ENQUEUE}
    assert issued.token.scopes == ["enqueue", "read"]
    assert timedelta(days=30) == issued.token.expires_at - issued.token.created_at  # type: ignore[operator]
    assert 0 < (proven.seconds_left or 0) <= 30 * 86_400
    assert (proven.revoked, proven.expired) == (False, False)


def test_the_text_holds_256_bits_of_chance_and_the_database_none_of_them(sql: Sql) -> None:
    issued = issue("importer", scopes=["read"], by=STAFF)
    prefix, public_id, secret = issued.text.split("_", 2)

    assert (prefix, public_id, len(secret)) == ("jst", issued.token.public_id, 43)
    (row,) = sql("select t::text from api_tokens t")
    assert secret not in row[0]
    assert secret not in repr(issued)
    assert secret not in repr(issued.token)
    assert issue("importer", scopes=["read"], by=STAFF).text != issued.text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text.replace("jst_", "JST_"),
        lambda text: "jst_000000000000_" + text.rpartition("_")[2].rjust(43, "x")[-43:],
        lambda text: text + "\n",
        lambda text: "",
    ],
)
def test_a_text_that_is_off_by_anything_is_none_of_ours(spoil: Callable[[str], str]) -> None:
    assert look_up(spoil(issue("importer", scopes=["read"], by=STAFF).text)) is None


def test_issuing_stands_in_the_audit_log_without_the_token() -> None:
    issued = issue("worker", scopes=["orchestrate"], orchestrator_id="orch:1", by=STAFF)
    entry = entry_of(issued.token.public_id, "issue")

    assert (entry.job_id, entry.sequence, entry.actor_kind, entry.actor) == (None, None, "user", "anna")
    assert entry.detail == {"name": "worker", "scopes": ["orchestrate"], "orchestratorId": "orch:1"}
    assert issued.text.rpartition("_")[2] not in str(vars(entry))


@pytest.mark.parametrize("by_name", [False, True])
def test_a_revoked_token_is_dead_and_the_log_says_why(by_name: bool) -> None:
    issued = issue("importer", scopes=["read"], by=STAFF)
    revoked = revoke("importer" if by_name else issued.token.public_id, by=STAFF, reason="it leaked")

    assert [token.public_id for token in revoked] == [issued.token.public_id]
    assert (look_up(issued.text) or pytest.fail("unknown")).revoked
    entry = entry_of(issued.token.public_id, "revoke")
    assert (entry.actor, entry.reason) == ("anna", "it leaked")
    issued.token.refresh_from_db()
    assert issued.token.revoked_by == "anna"


def test_a_token_is_revoked_once() -> None:
    issued = issue("importer", scopes=["read"], by=STAFF)
    revoke(issued.token.public_id, by=STAFF)
    issued.token.refresh_from_db()
    first = issued.token.revoked_at

    assert revoke(issued.token.public_id, by=STAFF) == []
    issued.token.refresh_from_db()
    assert issued.token.revoked_at == first
    assert entry_of(issued.token.public_id, "revoke")


def test_what_lives_under_no_name_can_not_be_revoked() -> None:
    issue("importer", scopes=["read"], by=STAFF)
    revoke("importer", by=STAFF)

    for word in ("importer", "nobody", "000000000000"):
        with pytest.raises(TokenRefused, match="There is no token"):
            revoke(word, by=STAFF)


def test_two_of_a_name_live_for_rotation_and_a_third_is_refused_until_one_is_dead() -> None:
    first, second = (issue("importer", scopes=["read"], by=STAFF) for _ in range(2))
    with pytest.raises(TokenRefused, match=f"{first.token.public_id}.*{second.token.public_id}.*revoke one first"):
        issue("importer", scopes=["read"], by=STAFF)

    revoke(first.token.public_id, by=STAFF)
    assert issue("importer", scopes=["read"], by=STAFF)


def test_an_expired_token_makes_room_like_a_revoked_one(sql: Sql) -> None:
    for _ in range(2):
        issue("importer", scopes=["read"], by=STAFF, expires_in=timedelta(hours=1))
    sql("update api_tokens set expires_at = clock_timestamp() where public_id = (select min(public_id) from api_tokens)")

    assert issue("importer", scopes=["read"], by=STAFF)


def test_two_of_a_name_are_one_identity() -> None:
    issue("worker", scopes=["orchestrate"], orchestrator_id="orch-1", by=STAFF)
    for other in ("orch-2", None):
        with pytest.raises(TokenRefused, match="speaks for orch-1"):
            issue("worker", scopes=["read"], orchestrator_id=other, by=STAFF)
    assert issue("worker", scopes=["orchestrate", "read"], orchestrator_id="orch-1", by=STAFF)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("", {}, "name is 1 to 100"),
        ("a:b", {}, "name is 1 to 100"),
        ("a b", {}, "name is 1 to 100"),
        ("x" * 101, {}, "name is 1 to 100"),
        ("name\n", {}, "name is 1 to 100"),
        ("service", {}, "shared service key"),
        ("Service", {}, "shared service key"),
        ("a", {"scopes": []}, "Scopes are orchestrate"),
        ("a", {"scopes": ["root", "read"]}, "root was asked for"),
        ("a", {"scopes": ["orchestrate"]}, "name it"),
        ("a", {"orchestrator_id": "a b"}, "orchestrator id is"),
        ("a", {"orchestrator_id": ""}, "orchestrator id is"),
        ("a", {"orchestrator_id": "x" * 129}, "orchestrator id is"),
        ("a", {"expires_in": timedelta(0)}, "expires in at least"),
        ("a", {"expires_in": timedelta(days=40_000)}, "expires in at least"),
    ],
)
def test_a_token_that_can_not_be_is_refused_and_nothing_is_written(name: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(TokenRefused, match=why):
        issue(name, **{"scopes": ["read"], "by": STAFF, **options})
    assert not ApiToken.objects.exists()
    assert not AuditEntry.objects.exists()


def test_the_longest_names_are_taken() -> None:
    issued = issue("x" * 100, scopes=[*Scope], orchestrator_id="y" * 128, by=STAFF)

    assert issued.token.scopes == [*Scope]


def test_expiry_is_judged_by_the_clock_of_the_database(sql: Sql) -> None:
    issued = issue("importer", scopes=["read"], by=STAFF, expires_in=timedelta(hours=1))
    sql("update api_tokens set expires_at = clock_timestamp() - interval '1 millisecond'")

    assert (look_up(issued.text) or pytest.fail("unknown")).expired


def test_a_use_is_noted_at_most_once_a_minute(sql: Sql) -> None:
    issued = issue("importer", scopes=["read"], by=STAFF)
    assert (look_up(issued.text) or pytest.fail("unknown")).use_unnoted
    tokens.note_use(issued.token.public_id)
    noted = sql("select last_used_at from api_tokens")
    assert not (look_up(issued.text) or pytest.fail("unknown")).use_unnoted
    tokens.note_use(issued.token.public_id)

    assert sql("select last_used_at from api_tokens") == noted
    sql("update api_tokens set last_used_at = last_used_at - interval '61 seconds'")
    tokens.note_use(issued.token.public_id)
    assert sql("select last_used_at from api_tokens")[0] > noted[0]


@pytest.mark.parametrize("change", ["scopes = '{}'", "scopes = '{root}'", "orchestrator_id = null"])
def test_the_database_refuses_a_token_without_meaning(sql: Sql, change: str) -> None:
    issue("worker", scopes=["orchestrate"], orchestrator_id="orch-1", by=STAFF)
    with pytest.raises(IntegrityError), transaction.atomic():
        sql(f"update api_tokens set {change}")
