"""Starts everything in order, watches it, and stops it in the opposite order of who needs whom."""

import http.client
import json
import os
import sys
import threading
import time
from urllib.parse import urlsplit

from django.conf import settings

from jobsite.embedded_postgres import EmbeddedPostgres
from jobsite.local.children import Child
from jobsite.local.configuration import ORCHESTRATOR, Configuration, orchestrators_environment

_READY_WITHIN_SECONDS = 60.0
_SWEEP_INTERVAL_SECONDS = 5
# Together less than the 20 s in which all is down: the orchestrator drains for 10 s and then gives back what it holds.
_ORCHESTRATOR_STOPS_WITHIN_SECONDS = 13.0
_SERVER_STOPS_WITHIN_SECONDS = 4.0


class CannotRun(Exception):
    """jobsite can't be brought up, or what it can't do without has ended; the message is one line."""


class Supervisor:
    """One run of jobsite.

    Args:
        configuration: what to run and where.
        stopping: set by somebody else when it is time to stop.
    """

    def __init__(self, configuration: Configuration, *, stopping: threading.Event) -> None:
        self._configuration = configuration
        self._stopping = stopping
        self._logs = configuration.data_dir / "logs"
        self._environment = {
            **os.environ,
            "JOBSITE_STATIC_ROOT": os.environ.get("JOBSITE_STATIC_ROOT") or str(configuration.data_dir / "static"),
        }
        self._postgres = EmbeddedPostgres(configuration.data_dir, dies_with_us=True) if configuration.embedded else None
        stop_soon = ["--graceful-timeout", str(int(_SERVER_STOPS_WITHIN_SECONDS) - 1)]
        self._web = self._child("web", "-m", "gunicorn", "--config", "gunicorn.conf.py", *stop_soon)
        self._sweeper = self._child("sweeper", "manage.py", "sweep_stuck_jobs", "--loop", "--interval", str(_SWEEP_INTERVAL_SECONDS))
        self._webhooks = self._child("webhooks", "manage.py", "deliver_webhooks", "--loop")
        self._demo_jobs = self._child("demo-jobs", "manage.py", "enqueue_demo_jobs", "--if-missing", "--url", configuration.url)
        # Not every type: the jobs of somebody's first own orchestrator are for that one.
        runs = ("--url", configuration.url, "--id", ORCHESTRATOR, "--types", "demo,script")
        self._orchestrator = self._child("orchestrator", "-m", "orchestrator", *runs)
        # Whoever brings a token needs none of ours.
        needs_token = configuration.demo and not os.environ.get("JOBSITE_TOKEN", "").strip()
        self._token_file = configuration.data_dir / "orchestrator-token" if needs_token else None

    def run(self) -> None:
        """Bring everything up, stay until it is time to stop, take everything down.

        Raises:
            CannotRun, EmbeddedPostgresError: after everything was taken down.
        """
        try:
            self._bring_up()
            self._watch()
        finally:
            self._take_down()

    def _bring_up(self) -> None:
        if self._postgres:
            self._postgres.start()
        staff = self._prepare()
        if self._stopping.is_set():
            return
        self._web.start()
        self._sweeper.start()
        self._await_ready()
        if self._stopping.is_set():
            return
        self._webhooks.start()
        if self._configuration.demo:
            # It also plays the person who cancels a running job, so it lives on beside the orchestrator for a while.
            self._demo_jobs.start()
            token = self._token_file.read_text() if self._token_file else ""
            self._orchestrator.environment = orchestrators_environment(os.environ, token=token)
            self._orchestrator.start()
        self._say_where_to_look(staff)

    def _prepare(self) -> dict[str, str | None]:
        _say("Preparing the database and the static files …")
        files = [str(self._token_file)] if self._token_file else []
        preparation = self._child("preparation", "-m", "jobsite.local.preparation", *files)
        preparation.log.unlink(missing_ok=True)
        try:
            preparation.start()
            while preparation.exit_code() is None:
                if self._stopping.wait(0.05):
                    return {}
            if preparation.exit_code():
                raise CannotRun(f"The database can't be prepared: {preparation.last_words()}")
            staff: dict[str, str | None] = json.loads(preparation.last_words())
            return staff
        finally:
            preparation.ask_to_stop()
            preparation.stop(within_seconds=3)
            # It may hold a password.
            preparation.log.unlink(missing_ok=True)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not self._stopping.is_set() and not self._is_ready():
            self._refuse_dead_web()
            # Nothing gets ready without it, so it is watched from here on.
            self._keep_postgres_up()
            if time.monotonic() > deadline:
                raise CannotRun(
                    f"{self._configuration.url}/readyz does not say 200 after {_READY_WITHIN_SECONDS:.0f} s, see {self._web.log}."
                )
            self._stopping.wait(0.1)

    def _is_ready(self) -> bool:
        address = urlsplit(self._configuration.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
        # A wildcard allows any host; a host that nobody may use would be refused for its name alone.
        host = next((name for name in settings.ALLOWED_HOSTS if name[0] not in "*."), "localhost")
        try:
            connection.request("GET", "/readyz", headers={"Host": host})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _say_where_to_look(self, staff: dict[str, str | None]) -> None:
        data_dir = self._configuration.data_dir
        password = f"   password: {staff['password']}   (shown this once)" if staff["password"] else ""
        key = "from INTERNAL_API_KEY" if os.environ.get("INTERNAL_API_KEY") else f"in {data_dir / 'internal-api-key'}"
        _say("")
        _say(f"jobsite is ready: {self._configuration.url}/")
        _say(f"  Sign in as      {staff['username']}{password}")
        _say(f"  Service key     {key}")
        _say(f"  Files           {data_dir}   (logs in {self._logs})")
        if self._configuration.demo:
            _say("  Demo jobs       run now; see what became of them with manage.py check_demo_results")
        _say("Stop with Ctrl-C.")

    def _watch(self) -> None:
        while not self._stopping.wait(0.5):
            self._refuse_dead_web()
            self._keep_postgres_up()
            self._keep_up(self._sweeper)
            self._keep_up(self._webhooks)
            if self._configuration.demo:
                self._keep_up(self._orchestrator)
                self._tell_of_demo_jobs()

    def _keep_postgres_up(self) -> None:
        if self._postgres and not self._postgres.is_running():
            _say("PostgreSQL ended unexpectedly, it is started again.")
            self._postgres.start()

    def _keep_up(self, child: Child) -> None:
        code = child.exit_code()
        if code is not None and child.restart_when_due():
            _say(f"The {child.name} ended unexpectedly ({code}) and was started again, see {child.log}.")

    def _tell_of_demo_jobs(self) -> None:
        code = self._demo_jobs.exit_code()
        if code is not None:
            if code:
                _say(f"The demo jobs are not all there: {self._demo_jobs.last_words()}")
            self._demo_jobs.stop(within_seconds=0)

    def _refuse_dead_web(self) -> None:
        if self._web.exit_code() is not None:
            raise CannotRun(f"The web server ended ({self._web.exit_code()}): {self._web.last_words()} ({self._web.log})")

    def _take_down(self) -> None:
        # The orchestrator reports and releases over HTTP, so the web server outlives it; everyone needs the database.
        self._demo_jobs.ask_to_stop()
        self._orchestrator.ask_to_stop()
        self._orchestrator.stop(within_seconds=_ORCHESTRATOR_STOPS_WITHIN_SECONDS)
        # What it has under way when its time is over is sent again after the next start.
        self._webhooks.ask_to_stop()
        self._sweeper.ask_to_stop()
        self._web.ask_to_stop()
        deadline = time.monotonic() + _SERVER_STOPS_WITHIN_SECONDS
        for child in (self._demo_jobs, self._webhooks, self._sweeper, self._web):
            child.stop(within_seconds=max(0.0, deadline - time.monotonic()))
        if self._postgres:
            self._postgres.stop()

    def _child(self, name: str, *arguments: str) -> Child:
        return Child(name=name, command=[sys.executable, *arguments], environment=self._environment, log=self._logs / f"{name}.log")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the program's output
