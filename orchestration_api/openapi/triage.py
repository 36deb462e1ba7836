"""Failures that are alike, and what people make of them."""

from typing import Any

from jobs.failures import Category
from jobs.models import TriageState
from orchestration_api.openapi import bulk, examples
from orchestration_api.openapi.envelopes import REMARKS, SUCCESS, answering
from orchestration_api.openapi.nouns import FAILURE_GROUP
from orchestration_api.openapi.operation import ONCE_PER_KEY, Answer, Operation, link, query
from orchestration_api.openapi.shapes import COUNT, Schema, closed, list_of, nullable, ref, words
from orchestration_api.shapes import WireSerializer
from orchestration_api.triage_bodies import Acknowledging, GroupRetry, Reopening, Resolving, Snoozing

_CURSOR: Schema = {"type": "string", "format": "group-cursor", "minLength": 1}
_WORD: Schema = {"type": "string", "minLength": 1, "pattern": "^[^,\\s]+$"}
_HOUR = closed({"hour": ref("Time", "Its beginning."), "failures": COUNT})
_GROUP: dict[str, Any] = {
    "fingerprint": "6bf0dce0ee48553a",
    "type": "report",
    "category": "exit_code",
    "code": "1",
    "title": "orders.csv: line #",
    "topFrame": None,
    "exampleJobId": examples.JOB_ID,
    "exampleError": "orders.csv: line 17",
    "failures": 412,
    "failedJobs": 37,
    "firstSeenAt": examples.MOMENT,
    "lastSeenAt": examples.LATER,
    "state": "new",
    "ongoing": False,
    "owner": None,
    "note": None,
    "snoozedUntil": None,
    "snoozedFailures": None,
    "triagedAt": None,
    "triagedBy": None,
}
_RETRY = {
    "operationId": bulk.ID,
    "state": "halted",
    "canaries": 3,
    "overSeconds": 600,
    "judgedAt": examples.LATER,
    "words": f"The canary {examples.JOB_ID} failed again in the same way.",
}
_TRIAGED = answering(
    {
        "success": SUCCESS,
        "group": ref("FailureGroup", "As it is now."),
        "timestamp": ref("Time"),
        "replayed": {"const": True, "description": "It was so already; nothing was written."},
        **REMARKS,
    },
    optional=("replayed", *REMARKS),
)


def _act(name: str, does: str, body: type[WireSerializer], example: Any, *errors: str, more: str = "", **changes: Any) -> Operation:
    group = _GROUP | {"triagedAt": examples.LATER, "triagedBy": "service (API)"} | changes
    told = {"success": True, "group": group, "timestamp": examples.LATER}
    return Operation(
        "POST",
        f"/failure-groups/{{fingerprint}}/{name}",
        f"{name}FailureGroup",
        "Triage",
        does,
        more=more,
        scopes=("manage",),
        body=body,
        example=example,
        needs_body=False,
        parameters=("Fingerprint", "RequestTimestamp"),
        answers={200: Answer(_TRIAGED, told)},
        errors=("RESOURCE_NOT_FOUND", *errors),
    )


OPERATIONS = (
    Operation(
        "GET",
        "/failure-groups",
        "listFailureGroups",
        "Triage",
        "Lists failure groups, those seen last first.",
        more="A failure is counted in its group within seconds. Jobs of a group: `GET /jobs?status=failed&fingerprint=…`.",
        scopes=("read",),
        parameters=(
            query("state", list_of(words(*TriageState), minItems=1), "Any of these, with commas."),
            query("type", list_of(_WORD, minItems=1), "Any of these, with commas."),
            query("category", list_of(words(*Category), minItems=1), "Any of these, with commas."),
            query("seenAfter", {"type": "string", "format": "date-time"}, "Seen then or later."),
            query("cursor", _CURSOR, "`next` of an earlier page."),
            query("pageSize", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "At most so many."),
        ),
        answers={
            200: Answer(
                answering({"results": list_of(ref("FailureGroup")), "next": nullable(_CURSOR)}),
                {"results": [_GROUP], "next": None},
                "One page.",
                links={"read": link("getFailureGroup", fingerprint="$response.body#/results/0/fingerprint")},
            )
        },
    ),
    Operation(
        "GET",
        "/failure-groups/{fingerprint}",
        "getFailureGroup",
        "Triage",
        "Tells all that is known of a failure group, and its failures by the hour.",
        scopes=("read",),
        parameters=("Fingerprint",),
        answers={
            200: Answer(
                answering(
                    {
                        **FAILURE_GROUP,
                        "hours": list_of(_HOUR, "Of the last seven days, those in which any failed."),
                        "lastRetry": nullable(ref("CanaryRetry")),
                    }
                ),
                {**_GROUP, "hours": [{"hour": "2026-11-23T14:00:00.000000Z", "failures": 412}], "lastRetry": _RETRY},
                "The group.",
            )
        },
        errors=("RESOURCE_NOT_FOUND",),
    ),
    _act(
        "acknowledge",
        "Says that somebody looks into it.",
        Acknowledging,
        {"owner": "anna", "note": "the import of orders", "reason": "seen"},
        "CONFLICT",
        state="acknowledged",
        owner="anna",
        note="the import of orders",
    ),
    _act(
        "snooze",
        "Puts it aside until a time, or until so many more have failed, whichever comes first.",
        Snoozing,
        {"failures": 100, "reason": "known, and mended next week"},
        "CONFLICT",
        "VALIDATION_MISSING_FIELD",
        more="Then it is what it was.",
        state="snoozed",
        snoozedFailures=100,
    ),
    _act(
        "resolve",
        "Says that its cause is mended.",
        Resolving,
        {"reason": "released in 4.2"},
        more="What fails after that reopens it as regressed.",
        state="resolved",
    ),
    Operation(
        "POST",
        "/failure-groups/{fingerprint}/retry",
        "retryFailureGroup",
        "Triage",
        "Queues its failed jobs again: a few first, and the rest only when these have completed.",
        more="A bulk operation carries it out. When one of the canaries fails, or is cancelled, it stops; `lastRetry` says why.",
        scopes=("manage",),
        body=GroupRetry,
        example={"reason": "the disk is larger now", "canaries": 3, "overSeconds": 600},
        parameters=("Fingerprint", "IdempotencyKey", "RequestTimestamp"),
        answers={
            201: Answer(
                answering({"operation": ref("BulkOperation")}),
                {"operation": bulk.CONFIRMED},
                "Begun.",
                links={"read": link("getBulkOperation", id="$response.body#/operation/id")},
                headers=("Idempotency-Replayed",),
            )
        },
        errors=("RESOURCE_NOT_FOUND", "CONFLICT", "VALIDATION_MISSING_FIELD", *ONCE_PER_KEY),
    ),
    _act("reopen", "Makes it as new, and nobody's.", Reopening, {"reason": "not mended after all"}),
)
