"""manage.py without DATABASE_URL: the database is up while a command needs it, and only then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobsite.embedded_postgres import EmbeddedPostgres

CHECKOUT = Path(__file__).resolve().parents[2]


def manage(data_dir: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env={**kept, "JOBSITE_DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "arguments", [["check"], ["makemigrations", "--check", "--dry-run"], ["help"], ["--version"], ["migrate", "--help"]]
)
def test_what_reads_no_row_makes_no_database(arguments: list[str], tmp_path: Path) -> None:
    run = manage(tmp_path, *arguments)

    assert run.returncode == 0, run.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_lone_command_starts_the_database_and_stops_it(tmp_path: Path) -> None:
    run = manage(
        tmp_path,
        "shell",
        "--no-imports",
        "--command",
        "from django.db import connection; print(connection.cursor().execute('SELECT 7').fetchone())",
    )

    assert run.stdout == "(7,)\n", run.stderr
    assert (tmp_path / "postgres").exists()
    assert not EmbeddedPostgres(tmp_path).is_running()


def test_a_command_leaves_a_database_on_that_was_running(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        pid = server.pid

        assert manage(tmp_path, "showmigrations").returncode == 0

        assert server.pid == pid


def test_a_command_that_fails_stops_the_database_all_the_same(tmp_path: Path) -> None:
    assert manage(tmp_path, "no_such_command").returncode == 1
    assert manage(tmp_path, "shell", "--no-imports", "--command", "raise SystemExit(3)").returncode == 3
    assert not EmbeddedPostgres(tmp_path).is_running()


def test_a_database_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    script = "from django.db import connection; connection.settings_dict['OPTIONS']['pool']['timeout'] = 1; connection.cursor()"

    run = manage(tmp_path, "shell", "--no-imports", "--command", script, DATABASE_URL="postgres://jobsite@127.0.0.1:1/jobsite")

    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("The database can't be used: ")
    assert "Traceback" not in run.stderr
