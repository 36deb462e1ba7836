"""What must hold of any job at any time, checked from the outside."""

from jobs.lifecycle import LEGAL_PAIRS, LIVE, Status
from jobs.models import AuditEntry, Job


def actions(job: Job) -> list[str]:
    """What the audit log says was done, in order."""
    return list(AuditEntry.objects.filter(job_id=job.id).order_by("sequence").values_list("action", flat=True))


def entries(job: Job) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(job_id=job.id).order_by("sequence"))


def assert_sound(job_id: str) -> None:
    """The invariants I1, I3 and I7 of one job: lease and holder fit the status, the entries tell the whole story."""
    job = Job.objects.get(id=job_id)
    log = list(AuditEntry.objects.filter(job_id=job_id).order_by("sequence"))
    status = Status(job.status)
    assert (job.lease_expires_at is not None) == (status in LIVE)
    assert status not in LIVE or job.orchestrator_id
    assert status != Status.QUEUED or job.orchestrator_id is None
    assert [entry.sequence for entry in log] == list(range(job.audit_seq + 1))
    before = None
    for entry in log:
        assert entry.from_status == before
        before = entry.to_status
        if entry.from_status and entry.from_status != entry.to_status:
            assert (entry.from_status, entry.to_status) in LEGAL_PAIRS
    assert before == status
    epochs = [entry.epoch or 0 for entry in log if entry.action != "late_report"]
    assert epochs == sorted(epochs)
    assert sum(entry.action == "claim" for entry in log) == job.epoch
    assert sum(entry.action == "fail" for entry in log) == job.attempts
