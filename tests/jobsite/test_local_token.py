"""The token of bin/run's own orchestrator: kept while it lives, made anew otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import tokens
from jobs.models import ApiToken
from jobsite.local.preparation import keep_orchestrators_token
from tests.factories import STAFF

pytestmark = pytest.mark.django_db


def kept(file: Path) -> str:
    keep_orchestrators_token(file)
    return file.read_text()


def test_it_speaks_for_the_local_orchestrator_and_opens_nothing_else(tmp_path: Path) -> None:
    found = tokens.look_up(kept(tmp_path / "token"))

    assert found
    assert (found.orchestrator_id, [*found.scopes], found.expires_at) == ("local-1", ["orchestrate"], None)
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_it_is_kept_while_it_lives(tmp_path: Path) -> None:
    assert kept(tmp_path / "token") == kept(tmp_path / "token")
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("end", ["revoked", "expired", "garbled", "of another"])
def test_a_dead_one_is_replaced(tmp_path: Path, sql: Callable[..., Any], end: str) -> None:
    file = tmp_path / "token"
    first = kept(file)
    if end == "revoked":
        tokens.revoke("bin-run", by=STAFF)
    elif end == "expired":
        sql("update api_tokens set expires_at = clock_timestamp()")
    elif end == "garbled":
        file.write_text(first[:20])
    else:
        file.write_text(tokens.issue("other", scopes=["orchestrate"], orchestrator_id="orch-1", by=STAFF).text)
    second = kept(file)

    assert second != first
    found = tokens.look_up(second)
    assert found
    assert (found.orchestrator_id, found.revoked, found.expired) == ("local-1", False, False)


def test_however_often_the_file_is_lost_a_new_one_is_made_and_the_last_two_live(tmp_path: Path) -> None:
    made = [kept(tmp_path / f"token-{n}") for n in range(4)]

    assert [bool(found and found.revoked) for found in map(tokens.look_up, made)] == [True, True, False, False]
