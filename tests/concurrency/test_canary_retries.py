"""A failure group retried on a site at work: a real server, a real orchestrator, a real sweep loop."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from jobs import bulk
from jobs.bulk import UnderWay
from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, BulkItem, BulkOperation, CanaryRetry, FailureGroup, Job
from jobs.outcomes import Report
from tests.chaos.load import wait_until
from tests.chaos.processes import running
from tests.concurrency.crowd import in_threads
from tests.factories import HOLDER, PRODUCER, STAFF, JobFactory, grouped
from tests.factories import running as run
from tests.ledger import assert_sound
from tests.postgres import API_KEY
from tests.server import Server

WHY = "the disk is there again"
SWEEP = ("manage.py", "sweep_stuck_jobs", "--loop", "--interval", "0.2")
ORCHESTRATOR = ("-m", "orchestrator", "--id", "local-1", "--wait", "1", "--max-jobs", "8")
# Says something else each time, for people; fails as long as there is no disk.
SCRIPT = 'test -e "$DISK" || { echo "no disk for job $RANDOM" >&2; exit 3; }; echo done'


@pytest.fixture
def disk() -> Iterator[Path]:
    """Where the scripts look for it; the user whom they run as can reach that, pytest's own folder it can't."""
    with tempfile.TemporaryDirectory(prefix="jobsite-canary-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder, "disk")


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_while_the_cause_is_there_only_the_canaries_run_and_once_it_is_mended_all_complete(server: Server, disk: Path, count: int) -> None:
    payload = {"script": {"type": "BASH", "content": SCRIPT}, "environment": {"DISK": str(disk)}}
    enqueue([NewJob(type="import", payload=payload) for _ in range(count)], by=PRODUCER)
    environment = {"PATH": os.environ["PATH"], "JOBSITE_URL": server.url, "INTERNAL_API_KEY": API_KEY, "TMPDIR": str(disk.parent)}
    with running(*SWEEP), running(*ORCHESTRATOR, environment=environment):
        counted = FailureGroup.objects.filter(failures=count)
        wait_until(lambda: counted.count() == 1, seconds=120, what="all have failed, alike")
        group = counted.get()

        halted = bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY)
        wait_until(lambda: _ended(halted), seconds=60, what="the retry has stopped")
        wait_until(lambda: not Job.objects.exclude(status="failed").exists(), seconds=30, what="the other canaries have ended, too")
        halted.refresh_from_db()
        assert (halted.state, halted.changed, halted.pending) == ("stopped", bulk.CANARIES, count - bulk.CANARIES)
        assert str(CanaryRetry.objects.get(operation_id=halted.id).words).endswith("failed again in the same way.")
        assert Counter(Job.objects.values_list("epoch", flat=True)) == {1: count - bulk.CANARIES, 2: bulk.CANARIES}
        assert set(Job.objects.values_list("fingerprint", flat=True)) == {group.fingerprint}

        disk.touch()
        mended = bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY)
        completed = Job.objects.filter(status="completed")
        wait_until(lambda: completed.count() == count, seconds=120, what="all have completed")

    mended.refresh_from_db()
    assert (mended.state, mended.changed) == ("done", count)
    _assert_canaries_first(mended)
    for job_id in Job.objects.values_list("id", flat=True)[:20]:
        assert_sound(job_id)


def test_of_several_who_retry_a_group_at_once_one_does(live_db: str) -> None:
    jobs = [JobFactory(type="import") for _ in range(5)]
    for job in jobs:
        run(job).fail(Report(error="no disk"), by=HOLDER)
    group = grouped(jobs[0])

    def retry() -> bool:
        try:
            bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY)
        except UnderWay:
            return False
        return True

    assert sorted(in_threads([retry] * 4)) == [False, False, False, True]
    assert CanaryRetry.objects.count() == BulkOperation.objects.count() == 1


def test_runners_at_once_try_no_more_canaries_than_one(live_db: str) -> None:
    jobs = [JobFactory(type="import") for _ in range(20)]
    for job in jobs:
        run(job).fail(Report(error="no disk"), by=HOLDER)
    operation = bulk.retry_group(grouped(jobs[0]).fingerprint, by=STAFF, reason=WHY, canaries=4)

    in_threads([partial(bulk.run_batch, only=operation.id)] * 6)
    operation.refresh_from_db()
    assert operation.changed == Job.objects.filter(status="queued").count() == 4


def _ended(operation: BulkOperation) -> bool:
    operation.refresh_from_db()
    return operation.ended_at is not None


def _assert_canaries_first(operation: BulkOperation) -> None:
    """No other job was queued again before each canary had completed."""
    canaries = BulkItem.objects.filter(operation_id=operation.id).order_by("ordinal").values_list("job_id", flat=True)[: bulk.CANARIES]
    entries = AuditEntry.objects.filter(request_id=operation.id, action="retry")
    others = entries.exclude(job_id__in=list(canaries)).order_by("at").values_list("at", flat=True)
    ends = AuditEntry.objects.filter(job_id__in=list(canaries), action="complete").values_list("at", flat=True)
    assert len(ends) == bulk.CANARIES
    assert max(ends) < others[0]
