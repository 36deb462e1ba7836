"""The life of the embedded PostgreSQL: made, started once, stopped by whom it may be, recovered."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from jobsite.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, cluster, django_settings
from jobsite.embedded_postgres.layout import LONGEST_SOCKET_FOLDER

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "data", dies_with_us=True) as server:
        yield server


def ask(server: EmbeddedPostgres, question: str) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(question).fetchone()
        return row[0] if row else None


def in_another_process(data_dir: Path, expression: str) -> str:
    imports = "from pathlib import Path; from jobsite.embedded_postgres import *"
    script = f"{imports}; server = EmbeddedPostgres(Path({str(data_dir)!r})); print({expression})"
    return subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()


def test_the_application_gets_a_durable_database_that_is_no_superusers(server: EmbeddedPostgres) -> None:
    assert ask(server, "SELECT current_user::text") == "jobsite"
    assert ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert ask(server, f"SHOW {name}") == "on"
    assert ask(server, "SELECT upper('ä')") == "Ä"


def test_django_finds_it_where_it_is(server: EmbeddedPostgres, tmp_path: Path) -> None:
    settings = django_settings(tmp_path / "data")

    with psycopg.connect(
        host=settings["HOST"], user=settings["USER"], password=settings["PASSWORD"], dbname=settings["NAME"]
    ) as connection:
        assert connection.info.dbname == "jobsite"


def test_nobody_else_gets_in(server: EmbeddedPostgres) -> None:
    assert ask(server, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(server.layout.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.layout.socket_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.layout.home.stat().st_mode) == 0o700
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=str(server.layout.socket_folder), user="jobsite", password="guessed", dbname="jobsite")


def test_a_second_start_finds_it_running_and_what_was_committed_survives_a_restart(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('kept')")
    assert server.start() is False
    assert in_another_process(server.layout.data_dir, "server.is_running(), server.start()") == "True False"

    server.stop()
    assert not server.is_running()
    assert server.start() is True

    assert ask(server, "SELECT word FROM kept") == "kept"


def test_stopping_ends_its_processes_though_clients_are_connected(server: EmbeddedPostgres) -> None:
    pid = server.pid
    with psycopg.connect(server.url()) as connection:
        backend = connection.info.backend_pid
        server.stop()

        for process in (pid, backend):
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)
    assert not server.layout.pid_file.exists()


def test_it_recovers_at_once_from_a_kill(server: EmbeddedPostgres) -> None:
    with closing(psycopg.connect(server.url())) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        connection.commit()
        connection.execute("INSERT INTO kept VALUES (2)")
        os.kill(server.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        assert server.start() is True

    assert time.monotonic() - killed_at < 5
    assert ask(server, "SELECT count(*) FROM kept") == 1


def test_of_many_starters_at_once_one_starts_it(tmp_path: Path) -> None:
    servers = [EmbeddedPostgres(tmp_path / "data") for _ in range(6)]
    started: list[bool] = []
    threads = [threading.Thread(target=lambda server=server: started.append(server.start())) for server in servers]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(started) == [False] * 5 + [True]
    finally:
        for server in servers:
            server.stop()


def test_whoever_started_it_leaves_it_on_while_others_use_it(tmp_path: Path) -> None:
    first, second = EmbeddedPostgres(tmp_path / "data"), EmbeddedPostgres(tmp_path / "data")
    try:
        first.start()
        second.start()
        assert first.stop_unless_used() is False
        with psycopg.connect(second.url()):
            assert second.stop_unless_used() is False
        assert second.is_running()
        assert second.stop_unless_used() is True
        assert not second.is_running()
    finally:
        first.stop()
        second.stop()


def test_an_interrupted_making_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftover = tmp_path / f"{cluster._DRAFTS}killed" / "cluster"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18")

    with EmbeddedPostgres(tmp_path, dies_with_us=True) as server:
        assert ask(server, "SELECT 1") == 1
    assert not leftover.exists()


def test_a_data_dir_too_deep_for_a_socket_gets_a_short_folder_of_its_own(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_FOLDER) / "data"
    with EmbeddedPostgres(deep, dies_with_us=True) as server:
        folder = server.layout.socket_folder
        assert len(str(folder)) < 40
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert ask(server, "SELECT 1") == 1
    assert not folder.exists()


def test_a_short_folder_that_somebody_else_made_is_refused(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("d" * LONGEST_SOCKET_FOLDER))
    folder = server.layout.socket_folder
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    try:
        with pytest.raises(EmbeddedPostgresError, match="mode 0700: remove it"):
            server.start()
    finally:
        folder.rmdir()


def test_a_database_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        pass
    (server.layout.cluster / "PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 17, this is 18"):
        server.start()


def test_another_password_file_is_named_as_the_fault(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        pass
    server.layout.password_file.write_text("another password")

    with pytest.raises(EmbeddedPostgresError, match="postgres-password is not the database's"):
        server.start()
    assert not server.is_running()


def test_a_fault_at_the_start_is_one_line_with_what_the_server_said(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        pass
    (server.layout.cluster / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(EmbeddedPostgresError, match=r"configuration file .* contains errors") as refusal:
        server.start()
    assert "\n" not in str(refusal.value)


def test_it_ends_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from jobsite.embedded_postgres import *;"
        "server = EmbeddedPostgres(Path(sys.argv[1]), durable=False, dies_with_us=True);"
        "server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        assert int(starter.stdout.readline())
        starter.kill()

    server = EmbeddedPostgres(tmp_path)
    deadline = time.monotonic() + 10
    while server.is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not server.is_running()
