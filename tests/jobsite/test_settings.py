"""A bad setting stops every command at its start, with one line that names the variable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "JOBSITE_PRODUCTION": "1",
    "DJANGO_SECRET_KEY": "a-key-of-a-test-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
    "DJANGO_ALLOWED_HOSTS": "jobsite.example",
    "INTERNAL_API_KEY": "a-key-of-a-test-0123456789",
    "DATABASE_URL": "postgres://jobsite:secret@database.example/jobsite",
}


def check(data_dir: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in PRODUCTION}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *options],
        cwd=CHECKOUT,
        env={**kept, "JOBSITE_DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
    )


def assert_refused(run: subprocess.CompletedProcess[str], variable: str) -> None:
    assert run.returncode == 1
    assert run.stderr.startswith(variable)
    assert len(run.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("variable", [name for name in PRODUCTION if name != "JOBSITE_PRODUCTION"])
def test_production_asks_for_what_it_needs(variable: str, tmp_path: Path) -> None:
    assert_refused(check(tmp_path, **{**PRODUCTION, variable: ""}), variable)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("JOBSITE_PRODUCTION", "perhaps"),
        ("JOBSITE_WEB_THREADS", "0"),
        ("JOBSITE_CLAIM_LEASE_SECONDS", "soon"),
        ("JOBSITE_BODY_LIMIT_BYTES", "12"),
        ("JOBSITE_AUTH_FAILURES_PER_MINUTE", "0"),
        ("JOBSITE_KEEP_COMPLETED", "a month"),
        ("JOBSITE_KEEP_FAILED", "40000d"),
        ("JOBSITE_KEEP_LOGS", "-1d"),
        ("JOBSITE_TRUSTED_PROXIES", "10.0.0.0/8,proxy.example"),
        ("JOBSITE_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("INTERNAL_API_KEY", "too-short"),
        ("INTERNAL_API_KEY", ",".join(["k" * 24] * 3)),
        ("DJANGO_SECRET_KEY", "too-short"),
        ("DATABASE_URL", "mysql://jobsite@localhost/jobsite"),
        ("JOBSITE_LISTEN_URL", "database.example:5432"),
        ("JOBSITE_DATA_DIR", "/dev/null/data"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(variable: str, value: str, tmp_path: Path) -> None:
    assert_refused(check(tmp_path, **{variable: value}), variable)


def test_debug_is_refused_in_production(tmp_path: Path) -> None:
    assert_refused(check(tmp_path, **PRODUCTION, DJANGO_DEBUG="1"), "DJANGO_DEBUG")


def test_production_as_it_should_be_passes_the_deploy_check_and_writes_no_file(tmp_path: Path) -> None:
    run = check(tmp_path, "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert run.returncode == 0, run.stderr
    assert list(tmp_path.iterdir()) == []
