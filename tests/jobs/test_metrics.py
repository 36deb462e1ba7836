"""What Prometheus is told: equal to a recount at rest, read by its own tool without a fault, and told to those alone who may look."""

import ipaddress
import json
import shutil
import subprocess
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from jobs import metrics, retention
from jobs.actors import Actor
from jobs.lifecycle import Status
from jobs.models import AuditEntry, Job
from jobs.retention import Periods
from jobs.rules import RULES
from tests.factories import STAFF, JobFactory
from tests.past import put_back
from tests.rolled_up import fold_all

TOKEN = "a-token-of-the-monitor-0123456789"
Told = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
def some_of_everything(live_db: str) -> None:
    for status in Status:
        for job_type in ("export", "report"):
            JobFactory(status=status, type=job_type)
    for job in Job.objects.filter(status=Status.FAILED, type="report"):
        job.retry(by=STAFF)
    fold_all()


def test_jobs_and_transitions_equal_a_recount_at_rest(some_of_everything: None) -> None:
    entries = AuditEntry.objects.filter(job_id__isnull=False).values_list("job_id", "from_status", "to_status")
    types = dict(Job.objects.values_list("id", "type"))
    # In the order of the labels' names: from, to, type.
    changes = Counter((before or "none", after, types[job or ""]) for job, before, after in entries if before != after)

    assert _standing() == Counter(Job.objects.values_list("status", "type"))
    assert _told()["jobsite_transitions_total"] == changes


def test_what_was_pruned_is_no_job_any_more_and_its_changes_stay_counted(some_of_everything: None) -> None:
    before = _told()["jobsite_transitions_total"]
    for job in Job.objects.filter(status=Status.COMPLETED):
        put_back(job, days=40)
    assert retention.prune(Periods.of_settings(), by=Actor.sweep()).jobs == {"completed": 2}
    fold_all()

    assert _standing() == Counter(Job.objects.values_list("status", "type"))
    assert _told()["jobsite_transitions_total"] == before


def test_failures_are_told_by_category(some_of_everything: None) -> None:
    told = _told()["jobsite_failures_total"]

    assert {job_type for _, job_type in told} == {"export", "report"}
    assert sum(told.values()) == AuditEntry.objects.filter(action="fail").count()


def test_a_histogram_counts_up_to_what_there_is(some_of_everything: None) -> None:
    told = _told()
    queued = [count for (_, state), count in sorted(told["jobsite_time_in_state_seconds_bucket"].items()) if state == "queued"]

    assert max(queued) == told["jobsite_time_in_state_seconds_count"]["queued",] > 0
    assert told["jobsite_time_in_state_seconds_sum"]["queued",] > 0


def test_every_rule_is_told_and_the_first_that_waits(some_of_everything: None) -> None:
    told = _told()

    assert told["jobsite_stuck_jobs"] == {(rule.name,): 0 for rule in RULES}
    assert set(told["jobsite_queue_oldest_seconds"]) == {("export",), ("report",)}


def test_no_more_types_are_told_apart_than_a_monitor_bears(live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_TYPES", 2)
    for number in range(4):
        JobFactory(status="queued", type=f"type-{number}")
    fold_all()

    assert _standing() == {("queued", "type-0"): 1, ("queued", "type-1"): 1, ("queued", "_other"): 2}
    assert set(_told()["jobsite_queue_oldest_seconds"]) == {("type-0",), ("type-1",), ("_other",)}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian's package prometheus has it)")
def test_promtool_finds_no_fault_in_it(some_of_everything: None) -> None:
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics.told(), capture_output=True)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_command_says_the_same(some_of_everything: None) -> None:
    out = StringIO()
    call_command("job_stats", "--format", "json", stdout=out)
    jobs = {
        (one["labels"]["status"], one["labels"]["type"]): one["value"]
        for one in json.loads(out.getvalue())
        if one["name"] == "jobsite_jobs"
    }

    assert jobs == _told()["jobsite_jobs"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "networks", "sent", "status"),
    [
        ("", [], {}, 404),
        (TOKEN, [], {}, 401),
        (TOKEN, [], {"Authorization": "Bearer wrong"}, 401),
        (TOKEN, [], {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("", ["127.0.0.0/8"], {}, 200),
        ("", ["10.0.0.0/8"], {}, 401),
        # Whoever comes through a proxy on this machine is not from this machine.
        ("", ["127.0.0.0/8"], {"X-Forwarded-For": "203.0.113.7"}, 401),
        ("", ["127.0.0.0/8"], {"Forwarded": "for=203.0.113.7"}, 401),
    ],
)
def test_only_who_may_look_is_told(token: str, networks: list[str], sent: dict[str, str], status: int, settings: Any) -> None:
    settings.METRICS_TOKEN = token
    settings.METRICS_NETWORKS = [ipaddress.ip_network(network) for network in networks]

    answer = Client().get("/metrics", headers=sent)

    assert answer.status_code == status
    assert (b"jobsite_sweeper_up" in answer.content) == (status == 200)


def _told() -> Told:
    """By name and the values of the labels, in the order of their names."""
    told: Told = {}
    for family in text_string_to_metric_families(metrics.told().decode()):
        for sample in family.samples:
            told.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return told


def _standing() -> dict[tuple[str, ...], float]:
    return {labels: jobs for labels, jobs in _told()["jobsite_jobs"].items() if jobs}
