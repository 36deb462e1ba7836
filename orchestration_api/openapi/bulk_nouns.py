"""What the door tells of bulk operations, as types."""

from jobs.bulk import ACTIONS, PREFIX
from jobs.lifecycle import Status
from jobs.models import BulkState, ItemOutcome
from orchestration_api.openapi.nouns import JOB_ID
from orchestration_api.openapi.shapes import COUNT, TEXT, Schema, closed, described, list_of, nullable, ref, words

BULK_OPERATION = closed(
    {
        "id": ref("BulkId"),
        "action": words(*ACTIONS, said="`edit` sets the priority, `acknowledge` acknowledges the failure groups of the jobs."),
        "arguments": closed({"priority": {"type": "integer", "minimum": 0, "maximum": 100}}, "Of `edit`.", optional=("priority",)),
        "filter": nullable(ref("JobFilter", "As it was asked; null where the jobs were named by their ids.")),
        "selection": described(TEXT, "Which jobs, in words."),
        "preview": closed(
            {
                "count": described(COUNT, "Jobs selected."),
                "missing": described(COUNT, "Ids named that are no jobs."),
                "wouldChange": described(COUNT, "Jobs in a status from which the action is possible."),
                "byStatus": closed(dict.fromkeys(Status, COUNT), optional=tuple(Status)),
                "byType": {"type": "object", "additionalProperties": COUNT, "description": "Open: the keys are the types that jobs have."},
                "otherTypes": described(COUNT, "So many types more."),
                "sample": list_of(closed({"id": ref("JobId"), "type": TEXT, "status": ref("Status")}), "The newest that would change."),
            },
            "What it would have come to when it was made.",
        ),
        "state": words(*BulkState, said="`preview`: waits to be confirmed. `stopped` and `done` are for good."),
        "reason": nullable(described(TEXT, "Why; it stands in the audit log of each job.")),
        "createdBy": TEXT,
        "createdAt": ref("Time"),
        "confirmedBy": nullable(described(TEXT, "In whose name it is carried out.")),
        "confirmedAt": nullable(ref("Time")),
        "endedAt": nullable(ref("Time")),
        "selected": nullable(described(COUNT, "How many jobs are in it; null of a filter that is not confirmed.")),
        "outcomes": closed(
            {**dict.fromkeys(ItemOutcome.values, COUNT), "pending": described(COUNT, "Not yet, or, of a stopped one, not any more.")},
            "What has become of them: together as many as were selected.",
        ),
    },
    "One act on many jobs.",
)
BULK_ITEM = closed(
    {
        "ordinal": {"type": "integer", "minimum": 1},
        "jobId": ref("JobId"),
        "outcome": nullable(words(*ItemOutcome.values, said="Null until its turn comes.")),
        "words": nullable(described(TEXT, "What was done, or why not.")),
        "at": nullable(ref("Time")),
    },
    "One job of a bulk operation.",
)

COMPONENTS: dict[str, Schema] = {
    "BulkId": {**JOB_ID, "description": f"`{PREFIX}` and a time-ordered part."},
    "BulkOperation": BULK_OPERATION,
    "BulkItem": BULK_ITEM,
}
