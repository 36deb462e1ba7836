"""Bulk operations for tests: confirmed, carried out, and what they did."""

from jobs import bulk
from jobs.bulk import Selection
from jobs.models import AuditEntry, BulkItem, BulkOperation
from tests.factories import STAFF

WHY = "the disk is mended"
FAILED = Selection(filter={"status": "failed"})


def confirmed(action: str, selection: Selection, **arguments: object) -> BulkOperation:
    return bulk.confirm(bulk.create(action, selection, by=STAFF, arguments=arguments).id, by=STAFF, reason=WHY)


def carried_out(operation: BulkOperation) -> BulkOperation:
    while bulk.run_batch():
        pass
    operation.refresh_from_db()
    return operation


def items_of(operation: BulkOperation) -> dict[str, tuple[str | None, str | None]]:
    found = BulkItem.objects.filter(operation_id=operation.id)
    return {job_id: (outcome, words) for job_id, outcome, words in found.values_list("job_id", "outcome", "words")}


def acts_on(operation: BulkOperation) -> list[str]:
    return list(
        AuditEntry.objects.filter(subject_type="bulk_operation", subject_id=operation.id).order_by("id").values_list("action", flat=True)
    )
