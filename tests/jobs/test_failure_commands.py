"""manage.py retry_group and regroup_failures: what operators type once the cause of failures is mended, or their rule has changed."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from jobs import bulk
from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, BulkOperation, FailureFold, FailureGroup, Job
from jobs.outcomes import Report
from tests.factories import HOLDER, PRODUCER, grouped, running

WHY = ("--reason", "the disk is larger now")


@pytest.fixture
def group(live_db: str) -> FailureGroup:
    """Of five jobs that stand failed."""
    jobs = enqueue([NewJob(type="import") for _ in range(5)], by=PRODUCER)
    for number, job in enumerate(jobs):
        running(job).fail(Report(error=f"disk {number} full"), by=HOLDER)
    return grouped(Job.objects.order_by("id")[0])


def said(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


@contextmanager
def an_orchestrator(report: Report) -> Iterator[None]:
    """Runs whatever there is, and says the same of all."""
    stopped = threading.Event()

    def work() -> None:
        while not stopped.wait(0.02):
            for job in Job.objects.filter(status="queued", due=True):
                run = running(job)
                if report.error:
                    run.fail(report, by=HOLDER)
                else:
                    run.complete(report, by=HOLDER)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        stopped.set()
        worker.join()


def test_it_is_left_to_the_sweep_loop(group: FailureGroup) -> None:
    told = said("retry_group", group.pk, "--canaries", "2", "--over", "10m", *WHY)
    operation, retry = BulkOperation.objects.get(), bulk.last_retry(group.pk)

    assert told == f"{operation.id} with 5 jobs, of which 2 are tried first.\n"
    assert (operation.state, operation.changed) == ("running", 0)
    assert retry is not None
    assert (retry.canaries, retry.over_seconds) == (2, 600)
    entry = AuditEntry.objects.get(subject_type="failure_group")
    assert entry.actor.endswith("(manage.py)")


def test_with_wait_it_ends_when_all_are_queued_again(group: FailureGroup) -> None:
    with an_orchestrator(Report(exit_code=0)):
        told = said("retry_group", group.pk, *WHY, "--wait")

    assert told.splitlines()[-1].endswith("is done: 5 of 5 retried.")


def test_with_wait_it_says_why_it_stopped_and_ends_with_1(group: FailureGroup, capsys: pytest.CaptureFixture[str]) -> None:
    with an_orchestrator(Report(error="disk 99 full")), pytest.raises(SystemExit) as ended:
        call_command("retry_group", group.pk, *WHY, "--wait")
    lines = capsys.readouterr().out.splitlines()

    assert ended.value.code == 1
    assert lines[-2].endswith("is stopped: 3 of 5 retried.")
    assert lines[-1].endswith("failed again in the same way.")


def test_broken_off_while_it_waits_it_says_what_goes_on(group: FailureGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    run_batch = bulk.run_batch

    def interrupted(*, only: str) -> bool:
        """(Not in a sleep: that is everybody's.)"""
        if run_batch(only=only):
            return True
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk, "run_batch", interrupted)
    with pytest.raises(CommandError, match="is running, and the sweep loop goes on with it"):
        said("retry_group", group.pk, *WHY, "--wait")
    assert BulkOperation.objects.get().changed == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("0" * 16,), "There is no failure group 0000000000000000."),
        (("GROUP", "--canaries", "101"), "From 1 to 100 canaries"),
        (("GROUP", "--over", "8d"), "at most 7 days"),
        (("GROUP", "--reason", " "), "Say why"),
    ],
)
def test_what_is_not_possible_is_told_and_changes_nothing(group: FailureGroup, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        said("retry_group", *WHY, *[group.pk if word == "GROUP" else word for word in arguments])
    assert not BulkOperation.objects.exists()


def test_a_group_that_is_being_retried_or_has_nothing_failed_is_told_so(group: FailureGroup) -> None:
    said("retry_group", group.pk, *WHY)
    operation = BulkOperation.objects.get()
    with pytest.raises(CommandError, match=f"being retried already, by {operation.id}"):
        said("retry_group", group.pk, *WHY)
    bulk.stop(operation.id, by=PRODUCER)
    for job in Job.objects.all():
        job.retry(by=PRODUCER)
    with pytest.raises(CommandError, match="No job of the failure group"):
        said("retry_group", group.pk, *WHY)


def test_regrouping_says_what_it_has_done_and_when_there_is_nothing_to_do(group: FailureGroup) -> None:
    Job.objects.update(fingerprint=None)

    assert said("regroup_failures") == "5 jobs looked at, 5 failures have another group now.\n"
    assert said("regroup_failures") == "0 jobs looked at, 0 failures have another group now.\n"
    assert said("regroup_failures", "--again") == "5 jobs looked at, 0 failures have another group now.\n"
    assert FailureFold.objects.get().regrouped_to == ""
