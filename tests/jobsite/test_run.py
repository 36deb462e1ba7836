"""bin/run as a whole: real processes, a real port, signals as a person or a service manager sends them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from jobsite.embedded_postgres import EmbeddedPostgres
from jobsite.local.configuration import orchestrators_environment

CHECKOUT = Path(__file__).resolve().parents[2]
OF_THE_TESTS = {"DATABASE_URL", "INTERNAL_API_KEY", "JOBSITE_DATA_DIR"}


class Run:
    """One `python -m jobsite.local`, which is bin/run behind its .venv."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = environment.setdefault("PORT", str(free_port()))
        kept = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobsite.local"],
            cwd=CHECKOUT,
            env={**kept, "JOBSITE_DATA_DIR": str(data_dir), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A group of its own, so that a test can press Ctrl-C.
            process_group=0,
        )

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def ended(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        output, errors = self.process.communicate(timeout=25)
        return self.process.returncode, output, errors

    def processes(self) -> dict[int, str]:
        """What runs of it apart from the supervisor, by process id: known by its address on the command line, by the data dir in its
        environment, or by its working directory."""
        found = {}
        marker = f"JOBSITE_DATA_DIR={self.data_dir}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if (
                    f"--url http://127.0.0.1:{self.port} " in command
                    or marker in (folder / "environ").read_bytes().split(b"\0")
                    or (folder / "cwd").readlink().is_relative_to(self.data_dir)
                ):
                    found[int(folder.name)] = command
        found.pop(self.process.pid, None)
        return found


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def until(holds: object, *, within_seconds: float, what: str) -> None:
    deadline = time.monotonic() + within_seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not {what} within {within_seconds} s"
        time.sleep(0.05)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    EmbeddedPostgres(tmp_path / "data").stop()


def rows(data_dir: Path, table: str) -> int:
    with psycopg.connect(EmbeddedPostgres(data_dir).url()) as connection:
        count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert count
        return int(count[0])


def test_it_comes_up_with_all_its_parts_and_goes_down_with_all_of_them_and_does_so_again(data_dir: Path) -> None:
    first = Run(data_dir)
    until(first.is_ready, within_seconds=60, what="ready")
    until(lambda: rows(data_dir, "jobs") >= 10, within_seconds=20, what="enqueueing the demo jobs")
    jobs = rows(data_dir, "jobs")
    until(lambda: (data_dir / "logs" / "orchestrator.log").exists(), within_seconds=10, what="starting the orchestrator")
    time.sleep(1.5)
    (orchestrator,) = (number for number, part in first.processes().items() if "-m orchestrator" in part)
    # Its environment can be read by root alone.
    token = (data_dir / "orchestrator-token").read_text()
    assert (data_dir / "orchestrator-token").stat().st_mode & 0o777 == 0o600
    with suppress(PermissionError):
        environment = Path(f"/proc/{orchestrator}/environ").read_bytes()
        assert f"JOBSITE_TOKEN={token}".encode() in environment
        assert not [name for name in (b"JOBSITE_DATA_DIR", b"INTERNAL_API_KEY") if name in environment]
    until(lambda: rows(data_dir, "jobs WHERE orchestrator_id = 'local-1'") > 0, within_seconds=20, what="claiming")
    assert rows(data_dir, "orchestrators WHERE id = 'local-1' AND last_unfenced_at IS NOT NULL") == 0
    assert rows(data_dir, "api_tokens WHERE name = 'bin-run' AND orchestrator_id = 'local-1' AND last_used_at IS NOT NULL") == 1
    parts = " ".join(first.processes().values())
    for part in ("gunicorn", "sweep_stuck_jobs", "-m orchestrator", "postgres"):
        assert part in parts
    told_to_stop_at = time.monotonic()
    first.process.terminate()
    code, output, errors = first.ended()
    assert (code, errors) == (0, "")
    assert time.monotonic() - told_to_stop_at < 20
    assert first.processes() == {}
    assert re.search(r"admin +password: \S{12,}", output)

    second = Run(data_dir, ORCHESTRATOR_DRAIN_SECONDS="1")
    started_at = time.monotonic()
    until(second.is_ready, within_seconds=10, what="ready the second time")
    assert time.monotonic() - started_at < 10
    time.sleep(1.5)
    assert rows(data_dir, "jobs") == jobs
    assert (data_dir / "orchestrator-token").read_text() == token
    os.killpg(second.process.pid, signal.SIGINT)
    code, output, errors = second.ended()
    assert (code, errors) == (0, "")
    assert second.processes() == {}
    assert "password:" not in output


def test_the_orchestrator_is_given_what_it_reads_and_no_secret_but_its_token() -> None:
    given = {"PATH": "/bin", "TMPDIR": "/t", "ORCHESTRATOR_MAX_JOBS": "2"}
    secrets = {"DATABASE_URL": "postgres://a:b@c/d", "DJANGO_SECRET_KEY": "s", "PGPASSWORD": "q", "INTERNAL_API_KEY": "new,old"}

    assert orchestrators_environment({**given, **secrets}, token="its own") == {**given, "JOBSITE_TOKEN": "its own"}
    assert orchestrators_environment({**given, "JOBSITE_TOKEN": "brought"}, token="its own") == {**given, "JOBSITE_TOKEN": "brought"}
    assert orchestrators_environment({**given, "JOBSITE_TOKEN": " "}, token="its own") == {**given, "JOBSITE_TOKEN": "its own"}


def test_what_ends_unexpectedly_is_started_again_and_a_kill_of_the_supervisor_ends_everything(data_dir: Path) -> None:
    run = Run(data_dir, JOBSITE_DEMO="0", DJANGO_SUPERUSER_USERNAME="boss", DJANGO_SUPERUSER_PASSWORD="a-password-of-a-test")
    until(run.is_ready, within_seconds=60, what="ready")
    assert not any("-m orchestrator" in part for part in run.processes().values())
    assert rows(data_dir, "jobs") == 0
    with psycopg.connect(EmbeddedPostgres(data_dir).url()) as connection:
        assert connection.execute("SELECT username, is_staff FROM auth_user").fetchall() == [("boss", True)]

    os.kill(EmbeddedPostgres(data_dir).pid, signal.SIGKILL)
    sweeper = next(number for number, part in run.processes().items() if "sweep_stuck_jobs" in part)
    os.kill(sweeper, signal.SIGKILL)
    until(lambda: EmbeddedPostgres(data_dir).is_running() and run.is_ready(), within_seconds=30, what="ready again")
    until(
        lambda: any("sweep_stuck_jobs" in part and number != sweeper for number, part in run.processes().items()),
        within_seconds=15,
        what="sweeping again",
    )

    run.process.kill()
    code, output, _ = run.ended()
    assert code == -signal.SIGKILL
    assert "a-password-of-a-test" not in output
    until(lambda: run.processes() == {}, within_seconds=15, what="all gone")


def test_a_database_that_ends_before_all_is_ready_is_started_again(data_dir: Path) -> None:
    run = Run(data_dir, JOBSITE_DEMO="0")
    until(lambda: any("gunicorn" in part for part in run.processes().values()), within_seconds=60, what="starting the server")

    os.kill(EmbeddedPostgres(data_dir).pid, signal.SIGKILL)

    until(run.is_ready, within_seconds=30, what="ready")
    run.process.terminate()
    assert run.ended()[0] == 0


def test_a_stop_during_the_start_leaves_nothing(data_dir: Path) -> None:
    run = Run(data_dir)
    assert run.process.stdout
    assert run.process.stdout.readline().startswith("Preparing")
    time.sleep(0.3)

    run.process.terminate()

    assert run.ended()[0] == 0
    assert run.processes() == {}


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"PORT": "eighty"}, r"PORT must be a whole number from 1 to 65535, not 'eighty'\."),
        ({"PORT": "70000"}, r"PORT must be .* not '70000'\."),
        ({"WEB_CONCURRENCY": "-1"}, r"WEB_CONCURRENCY must be at least 1, not -1\."),
        ({"WEB_CONCURRENCY": "257"}, r"WEB_CONCURRENCY must be at most 256, not 257\."),
        ({"JOBSITE_DEMO": "perhaps"}, r"JOBSITE_DEMO must be 1 or 0"),
        ({"JOBSITE_BIND": "192.0.2.1"}, r"PORT, JOBSITE_BIND: 192\.0\.2\.1:\d+ can't be used: .*address"),
        ({"INTERNAL_API_KEY": "short"}, r"INTERNAL_API_KEY must have at least 24 characters"),
        ({"DATABASE_URL": "postgres://jobsite:sesame@127.0.0.1:1/jobsite"}, r"DATABASE_URL: the database can't be reached: .*refused"),
        ({"JOBSITE_DATA_DIR": "/dev/null/data"}, r"JOBSITE_DATA_DIR: .* can't be used"),
    ],
)
def test_what_it_cannot_run_with_is_one_line_and_exit_1(data_dir: Path, environment: dict[str, str], line: str) -> None:
    started_at = time.monotonic()

    code, output, errors = Run(data_dir, **environment).ended()

    assert (code, output) == (1, "")
    assert re.fullmatch(f"bin/run: {line}.*\n", errors)
    assert "sesame" not in errors
    assert time.monotonic() - started_at < 5


def test_a_port_in_use_is_refused_before_anything_is_made(data_dir: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        assert Run(data_dir, PORT=port).ended() == (
            1,
            "",
            f"bin/run: PORT, JOBSITE_BIND: 127.0.0.1:{port} can't be used: Address already in use.\n",
        )

    assert not (data_dir / "postgres").exists()


def test_a_second_run_on_the_same_data_dir_is_refused_with_the_firsts_number(data_dir: Path) -> None:
    first = Run(data_dir, JOBSITE_DEMO="0")
    assert first.process.stdout
    first.process.stdout.readline()

    code, _, errors = Run(data_dir).ended()

    assert code == 1
    assert re.fullmatch(rf"bin/run: JOBSITE_DATA_DIR: .* in use by another bin/run \(process {first.process.pid}\).*\n", errors)
    first.process.terminate()
    assert first.ended()[0] == 0
