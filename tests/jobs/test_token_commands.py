"""manage.py create_token, revoke_token, list_tokens."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jobs.models import ApiToken, AuditEntry
from jobs.tokens import look_up

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints."""
    call_command(*words)
    return capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.parametrize(
    "scopes", [["--scope", "orchestrate", "--scope", "read"], ["--scope", "orchestrate", "read"], ["--scope", "orchestrate,read"]]
)
def test_a_token_for_a_program_is_the_one_thing_in_the_answer(capsys: pytest.CaptureFixture[str], scopes: list[str]) -> None:
    told = json.loads(said(capsys, "create_token", "worker", "--orchestrator", "orch-1", *scopes, "--expires-in=30d", "--format=json"))

    assert list(told) == ["token"]
    found = look_up(told["token"])
    assert found
    assert (found.name, found.orchestrator_id, sorted(found.scopes)) == ("worker", "orch-1", ["orchestrate", "read"])
    token = ApiToken.objects.get()
    assert token.expires_at
    assert token.expires_at - token.created_at == timedelta(days=30)
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.actor.endswith("(manage.py)")) == ("user", True)


@pytest.mark.django_db
def test_a_person_is_told_that_it_is_shown_once_and_how_to_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    text, hint = said(capsys, "create_token", "importer", "--scope", "enqueue").splitlines()

    assert look_up(text)
    assert "not shown again" in hint
    assert f"revoke_token {ApiToken.objects.get().public_id}" in hint


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["importer", "public id"])
def test_a_token_is_revoked_by_its_name_or_its_public_id(capsys: pytest.CaptureFixture[str], word: str) -> None:
    text = json.loads(said(capsys, "create_token", "importer", "--scope", "enqueue", "--format", "json"))["token"]
    public_id = ApiToken.objects.get().public_id
    told = said(capsys, "revoke_token", public_id if word == "public id" else word, "--reason", "it leaked")

    assert told == f"Revoked: importer ({public_id})\n"
    assert (look_up(text) or pytest.fail("unknown")).revoked
    assert AuditEntry.objects.get(action="revoke").reason == "it leaked"
    assert said(capsys, "revoke_token", public_id) == "It was revoked before.\n"


@pytest.mark.django_db
def test_the_list_tells_all_but_the_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    made = [json.loads(said(capsys, "create_token", name, "--scope", "read", "--format", "json"))["token"] for name in ("one", "two")]
    said(capsys, "revoke_token", "one")
    listed = json.loads(said(capsys, "list_tokens", "--format", "json"))
    lines = said(capsys, "list_tokens").splitlines()

    assert [(token["name"], token["state"]) for token in listed] == [("two", "live"), ("one", "revoked")]
    assert [line.split()[1:4] for line in lines] == [["live", "two", "read"], ["revoked", "one", "read"]]
    assert not [text for text in made if text.rpartition("_")[2] in str((listed, lines))]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["create_token", "service", "--scope", "read"], "shared service key"),
        (["create_token", "a"], "none was asked for"),
        (["create_token", "a", "--scope", "root"], "root was asked for"),
        (["create_token", "a", "--scope", "orchestrate"], "name it"),
        (["create_token", "a", "--scope", "read", "--expires-in", "soon"], "like 90s, 45m, 12h or 30d"),
        (["create_token", "a", "--scope", "read", "--expires-in", "0s"], "at least a second"),
        (["create_token", "a", "--scope", "read", "--expires-in", "999999999d"], "at most a hundred years"),
        (["revoke_token", "nobody"], "There is no token"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(words: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as refusal:
        call_command(*words)
    assert "\n" not in str(refusal.value)
    assert not ApiToken.objects.exists()


def test_the_process_prints_the_token_on_stdout_alone_and_an_error_is_exit_1(live_db: str) -> None:
    command = [sys.executable, str(MANAGE), "create_token", "importer", "--scope", "enqueue", "--format", "json"]
    runs = [subprocess.run(command, capture_output=True, text=True, timeout=30) for _ in range(3)]

    assert [(run.returncode, run.stderr) for run in runs[:2]] == [(0, "")] * 2
    assert all(look_up(json.loads(run.stdout)["token"]) for run in runs[:2])
    assert (runs[2].returncode, runs[2].stdout, len(runs[2].stderr.splitlines())) == (1, "", 1)
    assert "revoke one first" in runs[2].stderr
