"""Entries of operations and errors whose routes are still to come: each moves to its group, or to errors.py, with its route."""

from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import CLAIMED, REMARKS
from orchestration_api.openapi.errors import Error
from orchestration_api.openapi.operation import OF_AN_ORCHESTRATOR_WITH_A_BODY, Answer, Operation, query
from orchestration_api.openapi.shapes import COUNT, FLAG, TEXT, Schema, closed, described, list_of, nullable, opened, ref

_UPDATE = opened(
    "an item that is not what it must be is refused on its own, in its result, and harms no other.",
    {
        "jobId": ref("JSON", "Which job; each once."),
        "leaseToken": ref("JSON", "Proves the claim."),
        "action": ref("JSON", "`start`, `complete`, `fail`, `cancel`, `release` or `progress`."),
    },
    "A report, with the fields that the single call has.",
)
_BATCH: Schema = opened(
    "keys that mean nothing here are passed over.",
    {
        "orchestratorId": nullable(ref("OrchestratorId", "Who says so, where the header X-Orchestrator-ID can't be sent.")),
        "timestamp": nullable({"type": "string", "format": "date-time", "description": "When this was sent."}),
        "updates": list_of(_UPDATE, "Each is judged as the single call would be.", maxItems=500),
        "claim": nullable(ref("ClaimRequest", "Claims in the same round trip.")),
    },
    required=("updates",),
)
_RESULT = closed(
    {
        "jobId": ref("JSON", "As it was sent."),
        "ok": FLAG,
        "status": nullable(ref("Status", "Of the job, as it is now.")),
        "nextAction": ref("NextAction"),
        "replayed": {"const": True, "description": "This report was known already; nothing was written."},
        "error": closed({"code": TEXT, "message": TEXT, "details": opened("it depends on the code.")}, "As the single call would tell it."),
    },
    optional=("replayed", "error"),
)
_RESULTS = {
    "results": list_of(_RESULT, "In the order of the updates."),
    "applied": described(COUNT, "Reports that were taken, replays among them."),
    "rejected": COUNT,
}
_EVENTS = closed(
    {
        "events": list_of(ref("Entry"), "In one order that never changes; of one job, by sequence."),
        "nextCursor": described(TEXT, "Send it as `after` to read on."),
        "lagSeconds": {"type": "number", "minimum": 0, "description": "How far behind the newest entry this order is."},
    }
)

OPERATIONS = (
    Operation(
        "POST",
        "/jobs/status",
        "reportBatch",
        "Reporting",
        "Takes up to 500 reports at once, in one transaction, and claims if asked to.",
        more="A bad item harms no other. A body that does not parse, or more than 500 items, is refused whole.",
        scopes=("orchestrate",),
        schema=_BATCH,
        example={"updates": [{"jobId": examples.JOB_ID, "leaseToken": examples.TOKEN, "action": "complete", "exitCode": 0}]},
        parameters=("OrchestratorOrBody", "RequestTimestamp"),
        answers={
            200: Answer(
                closed({**_RESULTS, **CLAIMED, **REMARKS}, "What became of each.", optional=(*CLAIMED, *REMARKS)),
                {
                    "results": [{"jobId": examples.JOB_ID, "ok": True, "status": "completed", "nextAction": "continue"}],
                    "applied": 1,
                    "rejected": 0,
                },
            )
        },
        errors=(*OF_AN_ORCHESTRATOR_WITH_A_BODY, "VALIDATION_MISSING_FIELD"),
    ),
    Operation(
        "GET",
        "/events",
        "readEvents",
        "Reading",
        "Reads every entry of the audit log in one stable order, none skipped and none twice.",
        more="`after=0` begins; with nothing new, `nextCursor` is the one given.",
        scopes=("read",),
        parameters=(
            query("after", {"type": "string", "format": "event-cursor", "default": "0"}, "`nextCursor` of the answer before."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "At most so many."),
        ),
        answers={200: Answer(_EVENTS, {"events": [], "nextCursor": "0", "lagSeconds": 0.0}, "What follows.")},
    ),
)
ERRORS: dict[str, Error] = {
    "AUTH_EXPIRED_TOKEN": Error("The token was good until a time that has passed.", headers=("WWW-Authenticate",)),
    "IDEMPOTENCY_MISMATCH": Error("The Idempotency-Key was sent before, with another body."),
    "RATE_LIMIT_EXCEEDED": Error("Too many calls with tokens that are not valid came from this address.", headers=("Retry-After",)),
    "OUTCOME_UNKNOWN": Error("It may be done or not: send the same request again.", headers=("Retry-After",)),
}
