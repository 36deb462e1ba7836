"""What each key of a request means, and what it may be where the serializer alone doesn't say.

A key means the same wherever it stands; where it means more, `Serializer.key` has its own words.
"""

from jobs.bulk import ACTIONS
from jobs.failures import Category
from jobs.lifecycle import Act, Status
from orchestration_api.bulk_bodies import JobFilter
from orchestration_api.openapi.shapes import Schema, ref
from orchestration_api.serializers import ENDINGS

WORDS = {
    "orchestratorId": "Who says so, where the header X-Orchestrator-ID can't be sent.",
    "timestamp": "When this was sent: stamp it anew on each try.",
    "leaseToken": "As X-Lease-Token: proves the claim.",
    "expectedUpdatedAt": "Refuse if the job's `updatedAt` is another by now.",
    "batchSize": "At most so many jobs.",
    "jobTypes": "Only these; else those that the orchestrator last told with a heartbeat, or any.",
    "Heartbeat.jobTypes": "What it takes from now on.",
    "labels": "What the caller has: only jobs that require nothing else; without it what its last heartbeat told, or nothing.",
    "Heartbeat.labels": "What it has from now on; none where the list is empty.",
    "NewJobRequest.labels": "What an orchestrator must have declared to get the job, all of them.",
    "instanceId": "Another one for each process: tells when two of them use one id.",
    "wait": "Seconds to wait for work to come.",
    "claimId": "Names this claim. Asked again with it, the answer is what is left of that claim, so that a lost answer loses no jobs.",
    "estimatedStartTime": "When the work will begin; taken, and not used.",
    "message": "For people.",
    "Release.message": "Why: the reason in the audit log.",
    "Release.status": "Taken from existing orchestrators, and not used.",
    "percentage": "0 to 100.",
    "status": "How it ended.",
    "StatusReport.status": "`running` starts, `acknowledged` acknowledges, `preparing` is a phase; the others say how it ended.",
    "details": "What there is to say of it.",
    "exitCode": "0 is success, 101 to 199 with `completed` a partial one, any other a failure.",
    "error": "What went wrong.",
    "category": "What kind of failure it was: a Category. Another word is stored as `unknown`, and kept beside it.",
    "output": "What the run wrote.",
    "metrics": "Kept with the run.",
    "phase": "What it is at; shown, never judged.",
    "progress": "How far it is; shown, never judged.",
    "retryable": "Whether trying again may help; else the category decides.",
    "retryAfterSeconds": "Seconds until the next attempt; else a growing pause.",
    "total": "How many items there were.",
    "failed": "How many of them failed: more than 0 makes a success partial.",
    "artifacts": "Kept with the run.",
    "scriptOutput": "Kept with the run.",
    "condition": "Kept with the run.",
    "items": "Of a run over many items.",
    "entries": "Lines, in any order.",
    "updates": "Each is judged as its single call would be.",
    "claim": "Claims in the same round trip.",
    "sequence": "Its number in the run: each is stored once.",
    "stream": "Where it was written.",
    "line": "Without the line break.",
    "LogEntry.timestamp": "When it was written.",
    "renewalToken": "The lease token.",
    "extensionSeconds": "Seconds from now; else as long as a heartbeat keeps it.",
    "jobId": "Which job.",
    "runningJobs": "The jobs it runs: their leases are prolonged.",
    "capacity": "How much it can take; shown.",
    "maxJobs": "How many at once.",
    "currentJobs": "How many now.",
    "availableSlots": "How many more.",
    "version": "Its version; shown.",
    "hostname": "Where it runs; shown.",
    "type": "What the job is routed by.",
    "payload": "What is to be done: any JSON.",
    "priority": "0 to 100, higher is claimed first.",
    "scheduledFor": "Not claimed before; at once when it is missing.",
    "maxAttempts": "How many attempts are made.",
    "NewJobRequest.maxAttempts": "How many attempts are made: else as many as its type says, or one.",
    "timeoutSeconds": "How long a run may take, in seconds.",
    "NewJobRequest.timeoutSeconds": "How long a run may take, in seconds: else as long as its type says, or an hour.",
    "retryPolicy": "How its failures are tried again, where that is not as its type says.",
    "backoffBaseSeconds": "The pause before the second attempt; it doubles with each.",
    "backoffCapSeconds": "No pause is longer.",
    "retryableCategories": "The failures that are tried again; where the report says whether trying again may help, that counts.",
    "metadata": "The producer's own; not read by jobsite.",
    "reason": "Why: it stands in the audit log.",
    "action": "What to do with each job; `edit` sets the priority, `acknowledge` acknowledges its failure group.",
    "ids": "Which jobs, by name.",
    "filter": "Which jobs, by what they are like when it is confirmed.",
    "arguments": "`priority`, of `edit`; the others take none.",
    "confirm": "Begin at once, without a look at the preview; needs `reason`.",
    "JobFilter.status": "Any of these, with commas.",
    "JobFilter.type": "Any of these, with commas.",
    "JobFilter.orchestratorId": "Held by any of these, with commas.",
    "JobFilter.category": "Failed of any of these, with commas.",
    "JobFilter.label": "Requiring any of these, with commas.",
    "JobFilter.fingerprint": "Of any of these failure groups, with commas.",
    "createdAfter": "Created then or later.",
    "createdBefore": "Created earlier.",
    "updatedAfter": "Changed then or later.",
    "canaries": "How many jobs are tried first; 3 when it is missing.",
    "overSeconds": "Seconds over which the rest is spread, evenly; at once when it is missing.",
    "owner": "Who looks into it; the caller, when nobody is named.",
    "note": "What is known of it so far; what stands there stays, when none is sent.",
    "until": "Until when.",
    "failures": "Until so many more have failed.",
    "uniqueKey": "At most one job that has not ended has it; another is refused.",
}


def _any_of(*keys: str) -> Schema:
    """One of these keys at least, and not null: null stands for absent."""
    return {"not": {"properties": {key: {"type": "null"} for key in keys}}}


def _csv(*choices: str) -> Schema:
    """Some of these, with commas between; without choices, words."""
    word = f"({'|'.join(choices)})" if choices else "[A-Za-z0-9._:-]+"
    return {"pattern": f"^{word}(,{word})*$"}


_TIME: Schema = {"format": "date-time"}
NARROWED: dict[str, Schema] = {
    "StatusReport.status": {"enum": ["acknowledged", "preparing", "running", *ENDINGS]},
    "Completion.status": {"enum": [*ENDINGS]},
    "Completion": _any_of("status", "exitCode", "error", "output"),
    # (The one of a string, the other of an object.)
    "Failure.error": {"minLength": 1, "minProperties": 1},
    # Of an update that is none it tells why in its result.
    "Batch.updates": {"items": {"anyOf": [ref("Update"), ref("JSON")]}},
    "LogEntry.stream": {"enum": ["stdout", "stderr", "system"]},
    "NewBulkOperation.action": {"enum": [*ACTIONS]},
    "NewBulkOperation": {
        "allOf": [
            {"oneOf": [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in ("ids", "filter")]},
            {
                "if": {"properties": {"action": {"const": Act.EDIT}}},
                "then": {
                    "required": ["arguments"],
                    "properties": {
                        "arguments": {"not": {"type": "null"}, "required": ["priority"], "properties": {"priority": {"type": "integer"}}}
                    },
                },
                "else": {"properties": {"arguments": {"properties": {"priority": {"type": "null"}}}}},
            },
            {
                "if": {"required": ["confirm"], "properties": {"confirm": {"const": True}}},
                "then": {"required": ["reason"], "properties": {"reason": {"type": "string"}}},
            },
        ]
    },
    "JobFilter.status": _csv(*Status),
    "JobFilter.category": _csv(*Category),
    "JobFilter.type": _csv(),
    "JobFilter.orchestratorId": _csv(),
    "JobFilter.label": _csv(),
    "JobFilter.fingerprint": _csv(),
    "JobFilter.createdAfter": _TIME,
    "JobFilter.createdBefore": _TIME,
    "JobFilter.updatedAfter": _TIME,
    "JobFilter": _any_of(*JobFilter().fields),
    "Snoozing": _any_of("until", "failures"),
    "RetryPolicy.retryableCategories": {"items": ref("Category")},
    "Edit": _any_of("priority", "scheduledFor", "metadata", "maxAttempts", "timeoutSeconds"),
}
