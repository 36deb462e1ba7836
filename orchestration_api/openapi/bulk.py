"""One act on many jobs."""

from typing import Any

from jobs.lifecycle import Status
from jobs.models import PENDING, BulkState, ItemOutcome
from orchestration_api.bulk_bodies import Confirmation, NewBulkOperation, Steering
from orchestration_api.openapi import examples
from orchestration_api.openapi.bulk_nouns import BULK_OPERATION
from orchestration_api.openapi.envelopes import answering
from orchestration_api.openapi.operation import ONCE_PER_KEY, Answer, Operation, link, query
from orchestration_api.openapi.shapes import described, list_of, nullable, ref, words
from orchestration_api.shapes import WireSerializer

ID = "bulk_01M8539F22DF0DK63H31R94XA6"
_MADE: dict[str, Any] = {
    "id": ID,
    "action": "retry",
    "arguments": {},
    "filter": {"status": "failed", "type": "report"},
    "selection": "status is failed, type is report",
    "preview": {
        "count": 1,
        "missing": 0,
        "wouldChange": 1,
        "byStatus": {Status.FAILED.value: 1},
        "byType": {"report": 1},
        "otherTypes": 0,
        "sample": [{"id": examples.JOB_ID, "type": "report", "status": Status.FAILED.value}],
    },
    "state": BulkState.PREVIEW.value,
    "reason": None,
    "createdBy": "service (API)",
    "createdAt": examples.MOMENT,
    "confirmedBy": None,
    "confirmedAt": None,
    "endedAt": None,
    "selected": None,
    "outcomes": {"changed": 0, "skipped": 0, "failed": 0, "pending": 0},
}
CONFIRMED = _MADE | {
    "state": BulkState.RUNNING.value,
    "reason": "the disk is mended",
    "confirmedBy": "service (API)",
    "confirmedAt": examples.LATER,
    "selected": 1,
    "outcomes": {"changed": 0, "skipped": 0, "failed": 0, "pending": 1},
}
_ITEM = {"ordinal": 1, "jobId": examples.JOB_ID, "outcome": "changed", "words": "retried", "at": examples.LATER}
_READERS, _STEERERS = ("read", "enqueue", "manage"), ("enqueue", "manage")
_PARAMETERS = ("BulkId", "IdempotencyKey", "RequestTimestamp")
_TOLD = answering({"operation": ref("BulkOperation")})
_MOST_ITEMS = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
_AFTER = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 0}
_IT = "$response.body#/operation/id"


def _steered(
    act: str, does: str, example: dict[str, Any], shown: dict[str, Any], *, body: type[WireSerializer] = Steering, more: str = ""
) -> Operation:
    return Operation(
        "POST",
        f"/bulk-operations/{{id}}/{act}",
        f"{act}BulkOperation",
        "Bulk operations",
        does,
        more=more,
        scopes=_STEERERS,
        body=body,
        example=example,
        needs_body=body is not Steering,
        parameters=_PARAMETERS,
        answers={200: Answer(_TOLD, {"operation": shown}, "The operation as it is now.", headers=("Idempotency-Replayed",))},
        errors=("RESOURCE_NOT_FOUND", "CONFLICT", *(("VALIDATION_MISSING_FIELD",) if body is not Steering else ()), *ONCE_PER_KEY),
    )


OPERATIONS = (
    Operation(
        "POST",
        "/bulk-operations",
        "createBulkOperation",
        "Bulk operations",
        "Shows what one act on many jobs would come to.",
        more="Nothing happens before it is confirmed. At most 10,000 jobs. Ids that are no jobs within reach are passed over, and told.",
        scopes=_STEERERS,
        body=NewBulkOperation,
        example={"action": "retry", "filter": {"status": "failed", "type": "report"}},
        parameters=("IdempotencyKey", "RequestTimestamp"),
        answers={
            201: Answer(
                _TOLD,
                {"operation": _MADE},
                "Made.",
                links={
                    "confirm": link("confirmBulkOperation", id=_IT),
                    "stop": link("stopBulkOperation", id=_IT),
                    "pause": link("pauseBulkOperation", id=_IT),
                    "resume": link("resumeBulkOperation", id=_IT),
                    "read": link("getBulkOperation", id=_IT),
                    "items": link("listBulkItems", id=_IT),
                },
                headers=("Idempotency-Replayed",),
            )
        },
        errors=("VALIDATION_MISSING_FIELD", "CONFLICT", *ONCE_PER_KEY),
    ),
    _steered(
        "confirm",
        "Settles which jobs it is about and lets it begin.",
        {"reason": "the disk is mended"},
        CONFIRMED,
        body=Confirmation,
        more="Each job is judged when its turn comes; those that do not allow it any more are skipped. Confirmed already: as it is.",
    ),
    _steered("pause", "Lets no further batch begin.", {"reason": "wait for the backup"}, CONFIRMED | {"state": BulkState.PAUSED.value}),
    _steered("resume", "Goes on with a paused one.", {}, CONFIRMED),
    _steered(
        "stop",
        "Ends it for good; what is left stays as it is.",
        {"reason": "wrong filter"},
        CONFIRMED | {"state": BulkState.STOPPED.value, "endedAt": examples.LATER},
    ),
    Operation(
        "GET",
        "/bulk-operations",
        "listBulkOperations",
        "Bulk operations",
        "Lists bulk operations, the newest first.",
        more="With the scope `enqueue` alone they are the caller's own.",
        scopes=_READERS,
        parameters=(
            query("state", words(*BulkState.values), "Only these."),
            query("cursor", ref("BulkId"), "`next` of the page before."),
            query("pageSize", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "At most so many."),
        ),
        answers={
            200: Answer(
                answering({"operations": list_of(ref("BulkOperation")), "next": nullable(ref("BulkId", "Send it as `cursor`."))}),
                {"operations": [_MADE], "next": None},
                "One page.",
            )
        },
    ),
    Operation(
        "GET",
        "/bulk-operations/{id}",
        "getBulkOperation",
        "Bulk operations",
        "Tells how far it is.",
        scopes=_READERS,
        parameters=("BulkId",),
        answers={200: Answer(answering(BULK_OPERATION["properties"]), CONFIRMED, "The operation.")},
        errors=("RESOURCE_NOT_FOUND",),
    ),
    Operation(
        "GET",
        "/bulk-operations/{id}/items",
        "listBulkItems",
        "Bulk operations",
        "Lists its jobs in the order of their ids, and what became of each.",
        scopes=_READERS,
        parameters=(
            "BulkId",
            query("outcome", words(*ItemOutcome.values, PENDING), "Only these; pending: none yet."),
            query("after", _AFTER, "`next` of the page before."),
            query("limit", _MOST_ITEMS, "At most so many."),
        ),
        answers={
            200: Answer(
                answering({"items": list_of(ref("BulkItem")), "next": nullable(described(_AFTER, "Send it as `after` to read on."))}),
                {"items": [_ITEM], "next": None},
                "Items.",
            )
        },
        errors=("RESOURCE_NOT_FOUND",),
    ),
)
