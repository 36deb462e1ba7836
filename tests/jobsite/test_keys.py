"""Secrets in the data dir: made once, read by all, never weaker than asked for."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from jobsite import keys

VARIABLE = "JOBSITE_TEST_SECRET"


def secret(path: Path, **facts: Any) -> str:
    return keys.secret(VARIABLE, path, **{"required": False, "at_least": 24, **facts})


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "key"

    made = secret(path)

    assert len(made) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert secret(path) == made
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_many_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(keys.kept, [tmp_path / "key"] * 64))) == 1


def test_a_folder_without_write_permission_will_do_when_the_key_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    made = secret(path)
    monkeypatch.setattr(keys, "_made", lambda path: pytest.fail("there was a key"))

    assert secret(path) == made


def test_the_environment_wins_and_is_trimmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " of-the-environment-0123456789\n")

    assert secret(tmp_path / "key") == "of-the-environment-0123456789"
    assert not (tmp_path / "key").exists()


def test_a_missing_a_short_and_an_unusable_secret_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{VARIABLE} must be set"):
        secret(tmp_path / "key", required=True)
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"JOBSITE_DATA_DIR: .* can't be used"):
        secret(tmp_path / "file" / "key")
    monkeypatch.setenv(VARIABLE, "short")
    with pytest.raises(ImproperlyConfigured, match=f"{VARIABLE} must have at least 24 characters, it has 5"):
        secret(tmp_path / "key")


def test_two_keys_may_be_valid_at_once_and_not_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = "n" * 24, "o" * 24
    limits = {"required": True, "at_least": 24, "at_most": 2}
    monkeypatch.setenv(VARIABLE, f"{new}, {old}")
    assert keys.secrets_list(VARIABLE, tmp_path / "key", **limits) == [new, old]  # type: ignore[arg-type]
    monkeypatch.setenv(VARIABLE, f"{new},{old},{new}")
    with pytest.raises(ImproperlyConfigured, match="at most 2"):
        keys.secrets_list(VARIABLE, tmp_path / "key", **limits)  # type: ignore[arg-type]
    monkeypatch.setenv(VARIABLE, f"{new},short")
    with pytest.raises(ImproperlyConfigured, match="in each key"):
        keys.secrets_list(VARIABLE, tmp_path / "key", **limits)  # type: ignore[arg-type]
