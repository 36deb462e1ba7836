"""What the door tells, as types: jobs, leases, entries, attempts, log lines. The keys are those of representations.py, a test says."""

from jobs.failures import Category
from jobs.ids import PREFIX
from jobs.labels import FORM
from jobs.lifecycle import MEANINGS, ActorKind, Status
from jobs.models import CanaryState, TriageState
from jobs.timing import Wait
from orchestration_api.openapi.shapes import COUNT, FLAG, TEXT, WHOLE, Schema, closed, described, list_of, nullable, opened, ref, words

ID_PATTERN = "^[A-Za-z0-9._:-]+$"
TIME_PATTERN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$"
LABEL: Schema = {"type": "string", "pattern": f"^{FORM.pattern}$", "minLength": 1, "maxLength": 63}
_DEEP = {"minimum": -(2**63), "maximum": 2**63 - 1}

JSON: Schema = {
    "description": "Any JSON value: at most 64 levels deep, its integers within 64 bits.",
    "anyOf": [
        {"type": "null"},
        {"type": "boolean"},
        {"type": "integer", **_DEEP},
        {"type": "number"},
        {"type": "string"},
        {"type": "array", "items": ref("JSON")},
        {"type": "object", "additionalProperties": ref("JSON"), "description": "Open: the keys are the caller's."},
    ],
}
TIME = {"type": "string", "format": "date-time", "pattern": TIME_PATTERN, "description": "UTC with Z and six decimals."}
JOB_ID = {"type": "string", "pattern": ID_PATTERN, "minLength": 1, "maxLength": 50, "description": f"`{PREFIX}` and a time-ordered part."}
REQUEST_ID = {"type": "string", "pattern": ID_PATTERN, "minLength": 1, "maxLength": 128, "description": "The caller's, or ours."}
ORCHESTRATOR_ID = {"type": "string", "pattern": ID_PATTERN, "minLength": 1, "maxLength": 128, "description": "Who claims and reports."}
STATUS = words(*Status, said="; ".join(f"`{status}`: {MEANINGS[status]}" for status in Status) + ".")
CATEGORY = words(*Category, said="What kind of failure it was.")
OUTPUT: Schema = {
    "description": "A string, or what stdout and stderr said.",
    "anyOf": [TEXT, opened("kept as it was sent.", {"stdout": nullable(TEXT), "stderr": nullable(TEXT)})],
}
ERROR_DETAIL: Schema = {
    "description": "A string, or an object that says more.",
    "anyOf": [
        TEXT,
        opened(
            "kept as it was sent.",
            {
                **{name: nullable(TEXT) for name in ("type", "code", "message", "stack")},
                "retryable": nullable({**FLAG, "description": "As `retryable` beside it."}),
                "details": ref("JSON"),
            },
        ),
    ],
}
RESULT = closed(
    {
        "output": ref("Output"),
        "exitCode": WHOLE,
        "error": ref("ErrorDetail", "Whole, however long."),
        "metrics": opened("kept as it was sent."),
        "artifacts": ref("JSON"),
        "scriptOutput": ref("JSON"),
        "condition": ref("JSON"),
        "items": opened("kept as it was sent.", {"total": nullable(COUNT), "failed": nullable(COUNT)}),
    },
    "What was reported of the last run; what was not sent is left out.",
    optional=("output", "exitCode", "error", "metrics", "artifacts", "scriptOutput", "condition", "items"),
)

_JOB: dict[str, Schema] = {
    "id": ref("JobId"),
    "type": described(TEXT, "What jobs are routed by."),
    "status": ref("Status"),
    "priority": {"type": "integer", "minimum": 0, "maximum": 100, "description": "Higher is claimed first."},
    "metadata": opened("the producer's own.", said="Not read by jobsite."),
    "lastError": nullable(described(TEXT, "Of the last run that failed. In passing at most its first 100,000 characters.")),
    "errorCategory": nullable(ref("Category")),
    "exitCode": nullable(WHOLE),
    "attempts": described(COUNT, "Failed attempts."),
    "maxAttempts": {"type": "integer", "minimum": 1, "description": "As many are made."},
    "epoch": described(COUNT, "How many times it has been claimed."),
    "phase": nullable(described(TEXT, "What the holder says it is at.")),
    "progress": ref("JSON", "What the holder says of how far it is; null before it does."),
    "partial": described(FLAG, "Completed, though some of its targets failed."),
    "createdBy": described(TEXT, "By whose token it was made."),
    "orchestratorId": nullable(ref("OrchestratorId", "Who holds it, or held it when it ended.")),
    "timeoutSeconds": {"type": "integer", "minimum": 1, "description": "How long a run may take."},
    "scheduledFor": ref("Time", "Not claimed before."),
    "createdAt": ref("Time"),
    "updatedAt": ref("Time", "Moves with every change that writes an entry; send it as `expectedUpdatedAt` to change only what you saw."),
    "claimedAt": nullable(ref("Time")),
    "acknowledgedAt": nullable(ref("Time")),
    "startedAt": nullable(ref("Time")),
    "completedAt": nullable(ref("Time")),
    "leaseExpiresAt": nullable(ref("Time")),
    "cancelRequestedAt": nullable(ref("Time")),
    "retriedFrom": nullable(ref("JobId", "The finished job that this one repeats.")),
    "uniqueKey": nullable(described(TEXT, "No other job that has not ended has it.")),
    "labels": list_of(TEXT, "What an orchestrator must have declared to get it, all of them."),
    "retryPolicy": nullable(
        closed(
            {
                "backoffBaseSeconds": {"type": "integer", "minimum": 0},
                "backoffCapSeconds": {"type": "integer", "minimum": 0},
                "retryableCategories": list_of(ref("Category")),
            },
            "Where the job wants it otherwise than its type.",
            optional=("backoffBaseSeconds", "backoffCapSeconds", "retryableCategories"),
        )
    ),
    "fingerprint": nullable(ref("Fingerprint", "Its failure group: of the last run that failed.")),
    "quarantinedAt": nullable(ref("Time", "It was lost while running too often, and is not tried again until somebody says so.")),
    "cancelSeenAt": nullable(ref("Time", "When the holder was first told of the cancel.")),
}
WHOLE_JOB = {
    **_JOB,
    "payload": ref("JSON", "What is to be done, as it was sent; secrets in it are masked for those whose job it is not."),
    "result": nullable(ref("Result")),
}
_LONG_ERROR = {"lastErrorBytes": described(COUNT, "How long `lastError` is as UTF-8, where it is shortened.")}
_HELD = {
    "lease": ref("Lease"),
    "execution": opened(
        "the keys of the payload.",
        {"timeout": WHOLE, "target": opened("the payload's."), "environment": opened("the payload's.")},
        "Of a payload with `script` or `http`: the payload in the form that existing orchestrators of this protocol read.",
        required=("timeout", "target", "environment"),
    ),
}
LEASE = closed(
    {
        "token": described(TEXT, "Proves this claim: send it as X-Lease-Token with every report."),
        "expiresAt": ref("Time"),
        "heartbeatSeconds": {"type": "integer", "minimum": 1, "description": "How often to send heartbeats."},
    },
    "The right to report on a job, until a time.",
)
RENEWED_LEASE = closed({**LEASE["properties"], "renewalToken": described(TEXT, "The same as `token`.")}, "A lease, prolonged.")
ENTRY = closed(
    {
        "id": described(WHOLE, "Of the whole log; ids are handed out before commits and tell no order."),
        "jobId": nullable(ref("JobId")),
        "sequence": nullable(described(COUNT, "0, 1, 2 … in each job, without gaps.")),
        "subjectType": nullable(described(TEXT, "What was changed that is no job: a token, an orchestrator and their like.")),
        "subjectId": nullable(described(TEXT, "Which of them.")),
        "action": described(TEXT, "A verb of the lifecycle, or an act that leaves the status as it is."),
        "fromStatus": nullable(ref("Status")),
        "toStatus": nullable(ref("Status")),
        "actorKind": words(*ActorKind),
        "actor": TEXT,
        "epoch": nullable(COUNT),
        "attempt": nullable(described(COUNT, "Failed attempts before it, and one.")),
        "reason": nullable(TEXT),
        "requestId": nullable(ref("RequestId")),
        "at": ref("Time"),
        "statedAt": nullable(ref("Time", "When the reporter says it sent it.")),
        "detail": nullable(
            opened("it depends on the action.", said="Error, exit code, category, metrics; of an output its length and SHA-256.")
        ),
    },
    "One change, in the words of the audit log.",
)
ATTEMPT = closed(
    {
        "number": {"type": "integer", "minimum": 1},
        "epoch": COUNT,
        "status": ref("Status"),
        "orchestratorId": nullable(ref("OrchestratorId")),
        "claimedAt": nullable(ref("Time")),
        "acknowledgedAt": nullable(ref("Time")),
        "startedAt": nullable(ref("Time")),
        "completedAt": nullable(ref("Time")),
        "exitCode": nullable(WHOLE),
        "error": nullable(TEXT),
        "errorCategory": nullable(ref("Category")),
        "result": nullable(ref("Result")),
        "shortened": ref("Shortened"),
    },
    "One run of a job.",
    optional=("shortened",),
)
FINGERPRINT = {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "The same for failures of one kind."}
TRIAGE_STATE = words(
    *TriageState,
    said="`new`: nobody has said anything yet; `acknowledged`: its owner looks into it; `snoozed`: it is nobody's business for a while; "
    "`resolved`: its cause is mended; `regressed`: it has failed again since.",
)
FAILURE_GROUP = {
    "fingerprint": ref("Fingerprint"),
    "type": described(TEXT, "Of its jobs."),
    "category": ref("Category"),
    "code": nullable(described(TEXT, "Exit code, error code and the error's own type, as far as they were sent.")),
    "title": described(TEXT, "The message in one line, with `#` for numbers, times, ids and their like, and `<path>`, `<text>`, …"),
    "topFrame": nullable(described(TEXT, "File and function in which it failed.")),
    "exampleJobId": ref("JobId", "A job that failed so."),
    "exampleError": described(TEXT, "Its error, at most the first 2,000 characters."),
    "failures": described(COUNT, "Failed attempts, ever."),
    "failedJobs": {**COUNT, "maximum": 10_000, "description": "Jobs that stand failed so now, counted to 10,000."},
    "firstSeenAt": ref("Time"),
    "lastSeenAt": ref("Time"),
    "state": ref("TriageState"),
    "ongoing": described(FLAG, "Open, known for more than a day, and seen within the last one."),
    "owner": nullable(TEXT),
    "note": nullable(TEXT),
    "snoozedUntil": nullable(ref("Time")),
    "snoozedFailures": nullable(described(WHOLE, "It is snoozed until so many more have failed.")),
    "triagedAt": nullable(ref("Time", "When somebody last said something of it.")),
    "triagedBy": nullable(described(TEXT, "Who.")),
}
CANARY_RETRY = closed(
    {
        "operationId": ref("BulkId", "The bulk operation that carries it out."),
        "state": words(
            *CanaryState,
            said="`trying`: its canaries have not all ended; `passed`: they have completed, and the rest follows; "
            "`halted`: one of them did not, and the rest stays failed.",
        ),
        "canaries": {"type": "integer", "minimum": 1, "description": "How many jobs are tried first."},
        "overSeconds": described(COUNT, "Over so many seconds the rest is spread."),
        "judgedAt": nullable(ref("Time", "When the canaries were judged.")),
        "words": nullable(described(TEXT, "Why it was halted.")),
    },
    "The retry of a failure group.",
)
LOG_LINE = closed(
    {
        "epoch": described(COUNT, "Of which run."),
        "sequence": COUNT,
        "stream": words("stdout", "stderr", "system"),
        "line": TEXT,
        "timestamp": nullable(ref("Time")),
    },
    "One line that a job wrote.",
)
STRETCH = closed(
    {
        "state": words(*Status, *Wait, said="A status, or what a queued job waited for."),
        "attempt": {"type": "integer", "minimum": 1, "description": "The run that it belongs to."},
        "beganAt": ref("Time"),
        "endedAt": ref("Time"),
        "microseconds": described(COUNT, "From the one to the other."),
    },
    "A time that a job spent in one state.",
)
SPREAD = closed(
    {
        "state": words(*Status, *Wait, said="A status, or what queued jobs waited for."),
        "stretches": described(COUNT, "How many there were."),
        "microseconds": described(COUNT, "All together."),
        "p50Microseconds": described(COUNT, "Half of them were not longer, within 4.5 %."),
        "p95Microseconds": COUNT,
        "p99Microseconds": COUNT,
    },
    "How long jobs were in a state.",
)

COMPONENTS: dict[str, Schema] = {
    "JSON": JSON,
    "Time": TIME,
    "JobId": JOB_ID,
    "RequestId": REQUEST_ID,
    "OrchestratorId": ORCHESTRATOR_ID,
    "Status": STATUS,
    "Category": CATEGORY,
    "Output": OUTPUT,
    "ErrorDetail": ERROR_DETAIL,
    "Result": RESULT,
    "Job": closed(WHOLE_JOB, "A job with all that is known of it."),
    "JobSummary": closed({**_JOB, **_LONG_ERROR}, "A job without payload and result.", optional=("lastErrorBytes",)),
    "ClaimedJob": closed({**WHOLE_JOB, **_HELD}, "A job just claimed, with its lease.", optional=("execution",)),
    "HeldJob": closed(
        {**_JOB, **_LONG_ERROR, **_HELD, "shortened": ref("Shortened")},
        "A job that the caller holds.",
        optional=("lastErrorBytes", "execution", "shortened"),
    ),
    "Lease": LEASE,
    "RenewedLease": RENEWED_LEASE,
    "Entry": ENTRY,
    "Attempt": ATTEMPT,
    "LogLine": LOG_LINE,
    "Fingerprint": FINGERPRINT,
    "TriageState": TRIAGE_STATE,
    "CanaryRetry": CANARY_RETRY,
    "FailureGroup": closed(FAILURE_GROUP, "Failures that are alike."),
    "Stretch": STRETCH,
    "Spread": SPREAD,
    "NextAction": words(
        "continue", "cancel", "abandon", "retry", said="What to do next: `cancel` stops the work, `retry`: the failed job was queued again."
    ),
    "Shortened": list_of(
        closed({"path": described(TEXT, "Where it stands in this object."), "bytes": described(COUNT, "How long the whole is.")}),
        "What was cut, or left out, so that the answer keeps within 8 MiB; nothing was when it is missing. Nothing stored is cut.",
    ),
    "Ignored": list_of(TEXT, "Keys of the body that mean nothing here; there are none when it is missing."),
    "Replaced": list_of(TEXT, "Paths of strings in which NUL or half a surrogate pair was replaced by U+FFFD."),
}
