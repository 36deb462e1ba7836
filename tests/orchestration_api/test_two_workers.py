"""What is known of tokens holds on every worker of a real server, over real connections."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from jobs import times, tokens
from jobs.models import ApiToken
from orchestration_api.authentication import REMEMBERED_SECONDS
from tests.factories import HOLDER, STAFF, JobFactory
from tests.orchestration_api.access import CALLS, LIVING, address, body_for, headers_for, job_for, token
from tests.postgres import API_KEY
from tests.server import Server, running_server

HEALTH = "/api/internal/orchestrator/health"
READ = CALLS["GET", "/jobs/{id}/logs"]


@contextmanager
def connection_to_each(server: Server) -> Iterator[list[HTTPConnection]]:
    """One connection to each worker, kept: the others sleep while it is made."""
    made: list[HTTPConnection] = []
    workers = server.workers
    try:
        for awake in workers:
            for worker in workers:
                os.kill(worker, signal.SIGCONT if worker == awake else signal.SIGSTOP)
            made.append(HTTPConnection(server.url.removeprefix("http://"), timeout=20))
            assert ask(made[-1], API_KEY)[0] == 200
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
        yield made
    finally:
        for one in made:
            one.close()


def ask(to: HTTPConnection, text: str, method: str = "GET", path: str = HEALTH, body: Any = None, **headers: str) -> tuple[int, bytes]:
    content = None if body is None else json.dumps(body)
    to.request(method, path, content, {"Authorization": f"Bearer {text}", "Content-Type": "application/json", **headers})
    answer = to.getresponse()
    return answer.status, answer.read()


def test_a_revoked_token_is_refused_by_every_worker_within_a_second(live_db: str) -> None:
    text, other = token("read"), token("read")
    with running_server(workers=2) as server, connection_to_each(server) as workers:
        assert len(workers) == 2
        assert {ask(worker, text)[0] for worker in workers for _ in range(3)} == {200}
        tokens.revoke(text.split("_")[1], by=STAFF)
        revoked_at = time.monotonic()
        refused_after: dict[HTTPConnection, float] = {}
        while len(refused_after) < 2 and time.monotonic() < revoked_at + 5:
            for worker in workers:
                if ask(worker, text)[0] == 401:
                    refused_after.setdefault(worker, time.monotonic() - revoked_at)
                else:
                    assert worker not in refused_after

        assert len(refused_after) == 2
        assert max(refused_after.values()) < 1
        # The other token of its name lives on.
        assert {ask(worker, other)[0] for worker in workers} == {200}


def test_a_token_that_is_revoked_while_it_waits_for_work_gets_none(live_db: str) -> None:
    text = token("orchestrate", orchestrator_id=HOLDER.name)
    with running_server(workers=1) as server, connection_to_each(server) as (worker,), ThreadPoolExecutor() as pool:
        poll = pool.submit(ask, worker, text, "POST", "/api/internal/jobs/claim", {"wait": 10})
        time.sleep(1)
        tokens.revoke("caller", by=STAFF)
        time.sleep(REMEMBERED_SECONDS)
        job = JobFactory()
        status, _ = poll.result()

    assert status == 401
    job.refresh_from_db()
    assert (job.status, job.epoch) == ("queued", 0)


def test_wrong_tokens_are_counted_by_all_workers_together_whatever_address_they_claim(live_db: str) -> None:
    text = token("read")
    with running_server(workers=2, environment={"JOBSITE_AUTH_FAILURES_PER_MINUTE": "20"}) as server, connection_to_each(server) as workers:
        spoofed = [f"203.0.113.{n}" for n in range(40)]
        told = [ask(workers[n % 2], "nope", **{"X-Forwarded-For": spoofed[n]})[0] for n in range(24)]
        valid = [ask(workers[n % 2], key)[0] for n in range(10) for key in (text, API_KEY)]

        assert told == [401] * 20 + [429] * 4
        assert valid == [200] * 20
        assert {ask(worker, wrong)[0] for worker in workers for wrong in ("nope", text[:-1] + "~", text.replace("_", "-"))} == {429}


def test_behind_a_proxy_each_client_has_a_count_of_its_own_which_none_can_leave(live_db: str) -> None:
    environment = {"JOBSITE_AUTH_FAILURES_PER_MINUTE": "3", "JOBSITE_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8"}
    with running_server(workers=1, environment=environment) as server, connection_to_each(server) as (worker,):
        loud = [ask(worker, "nope", **{"X-Forwarded-For": f"192.0.2.{n}, 203.0.113.1, 10.0.0.{n}"})[0] for n in range(5)]
        quiet = ask(worker, "nope", **{"X-Forwarded-For": "203.0.113.1, 198.51.100.1"})[0]

    assert loud == [401, 401, 401, 429, 429]
    assert quiet == 401


def test_after_a_run_no_token_stands_in_the_log_the_database_or_a_page(live_db: str) -> None:
    """Everybody calls everything, rightly and wrongly; then everything that was written anywhere is searched for what they sent."""
    texts = [make() for who, make in LIVING.items() if who in ("other maker", "reader", "manager")]
    texts.append(token("orchestrate", name="worker", orchestrator_id=HOLDER.name))
    dead = token("read", name="expired", expires_in=timedelta(hours=1))
    ApiToken.objects.filter(name="expired").update(expires_at=times.now())
    texts += [dead, texts[0][:-1] + "~", texts[0][:-1] + ("A" if texts[0][-1] != "A" else "B")]
    with running_server(workers=2, environment={"JOBSITE_LOG_LEVEL": "DEBUG"}) as server, connection_to_each(server) as workers:
        answers = [
            answer
            for n, text in enumerate(texts)
            for (method, path), call in CALLS.items()
            for job in [job_for(call)]
            for answer in [
                ask(workers[n % 2], text, method, f"/api/internal{address(path, job)}", body_for(call, job), **headers_for(text, job))
            ]
        ]
        with a_table_missing("log_lines"):
            answers += [ask(workers[n % 2], text, path=f"/api/internal/jobs/{job_for(READ).id}/logs") for n, text in enumerate(texts)]
        log = server.log.read_text()
    tokens.revoke("worker", by=STAFF, reason="the run is over")

    assert {status for status, _ in answers} >= {200, 201, 401, 403, 404, 500}
    assert "Traceback" in log
    pages = "".join(admin_pages())
    assert "the run is over" in pages
    for text in texts:
        secret = text.split("_", 2)[2]
        assert [answer for _, answer in answers if secret.encode() in answer] == []
        assert secret not in log
        assert secret not in pages
        assert secret not in dump()
    # The search would have found them: the hashes are there.
    assert hashlib.sha256(texts[0].encode()).hexdigest() in dump()


def admin_pages() -> Iterator[str]:
    """Every page that tells of tokens or of what was done."""
    client = Client()
    client.force_login(User.objects.create_superuser("root-of-the-test"))
    for model in ("apitoken", "auditentry", "orchestrator", "job"):
        yield client.get(reverse(f"admin:jobs_{model}_changelist")).content.decode()
    for found in ApiToken.objects.all():
        yield client.get(reverse("admin:jobs_apitoken_change", args=[found.pk])).content.decode()


@contextmanager
def a_table_missing(name: str) -> Iterator[None]:
    """A fault that nobody foresaw, with all that the server then writes into its log."""
    with connection.cursor() as cursor:
        cursor.execute(f"alter table {name} rename to gone")
        yield
        cursor.execute(f"alter table gone rename to {name}")


def dump() -> str:
    """Every row of every table as text."""
    with connection.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'")
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f'select t::text from "{table}" t')
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)
