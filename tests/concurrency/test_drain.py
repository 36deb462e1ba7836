"""Many orchestrators, one queue, over HTTP: each job is handed out and ends exactly once."""

from collections import Counter

from jobs.models import AuditEntry, Job
from tests.concurrency.crowd import in_processes
from tests.concurrency.fleet import COMPLETE, START, drain, fill_queue
from tests.concurrency.history import Sent, contradictions
from tests.ledger import assert_sound
from tests.server import Server

PROCESSES = 8
JOBS = 1000


def test_eight_processes_drain_a_thousand_jobs_from_two_workers_each_once(server: Server) -> None:
    ids = fill_queue(JOBS)

    drained = in_processes(_drain, [(server.url, number) for number in range(PROCESSES)])

    sent = [each for of_process, _ in drained for each in of_process]
    assert sum(disturbances for _, disturbances in drained) == 0
    assert all(of_process for of_process, _ in drained), "a process that got nothing drained nothing"
    for verb in ("claim", "complete"):
        assert Counter(each.job_id for each in sent if each.verb == verb) == Counter(ids)
    assert contradictions(sent, AuditEntry.objects.all()) == []
    assert Job.objects.filter(status="completed", epoch=1, attempts=0).count() == JOBS
    log = AuditEntry.objects.values_list("action", flat=True)
    assert Counter(log) == {"enqueue": JOBS, "claim": JOBS, "start": JOBS, "complete": JOBS}
    for job_id in ids:
        assert_sound(job_id)


def _drain(url: str, number: int) -> tuple[list[Sent], int]:
    # Every second one completes what it never started, which writes both entries at once. Two share each identity.
    return drain(url, f"orch-{number // 2}", says=(START, COMPLETE) if number % 2 else (COMPLETE,))
