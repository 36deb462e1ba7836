"""Claims, and what a restarted orchestrator finds again."""

from jobs.labels import MOST_DECLARED
from orchestration_api.openapi import examples
from orchestration_api.openapi.nouns import ID_PATTERN, LABEL
from orchestration_api.openapi.operation import OF_A_CHANGE, OF_AN_ORCHESTRATOR, Answer, Operation, link, query
from orchestration_api.openapi.shapes import Schema, described, list_of, ref
from orchestration_api.serializers import ClaimRequest

_CLAIMED = {
    "jobs": [{**examples.held("claimed"), "payload": {"customer": 42}, "result": None, "lease": examples.LEASE}],
    "count": 1,
    "metadata": {"timestamp": examples.MOMENT, "nextPollAfter": examples.MOMENT, "queueSize": 1},
}
_HELD = {"id": "$response.body#/jobs/0/id", "X_Lease_Token": "$response.body#/jobs/0/lease/token"}
LINKS = {
    "acknowledge": link("acknowledge", **_HELD),
    "start": link("reportStatus", {"status": "running"}, **_HELD),
    "complete": link("complete", {"exitCode": 0}, **_HELD),
    "fail": link("fail", {"error": "orders.csv: line 17"}, **_HELD),
    "log": link("appendLogs", {"entries": [{"sequence": 0, "stream": "stdout", "line": "reading orders.csv"}]}, **_HELD),
    "release": link("release", **_HELD),
}
_IDENTIFIER: Schema = {"type": "string", "pattern": ID_PATTERN, "minLength": 1}
_ORDER = "Higher priority first, then earlier `scheduledFor`, then id; none of them is handed to anybody else."

OPERATIONS = (
    Operation(
        "POST",
        "/jobs/claim",
        "claim",
        "Claiming",
        "Hands out the best jobs, each under a lease.",
        more=f"{_ORDER} With `wait` it waits for work to come. The answer ends early where it would grow beyond 8 MiB.",
        scopes=("orchestrate",),
        body=ClaimRequest,
        example={"batchSize": 1, "jobTypes": ["report"], "claimId": "c-1"},
        needs_body=False,
        parameters=("OrchestratorOrBody", "RequestTimestamp"),
        answers={200: Answer(ref("Claimed"), _CLAIMED, "What there is, perhaps nothing.", links=LINKS)},
        errors=(*OF_AN_ORCHESTRATOR, "VALIDATION_MISSING_FIELD"),
    ),
    Operation(
        "GET",
        "/jobs/queue",
        "claimByGet",
        "Claiming",
        "Claims by GET, as existing orchestrators do.",
        more="A claim it is, so HEAD is refused. When a proxy sends it again, the jobs of the first answer are held until their lease "
        "runs out: new orchestrators use POST /jobs/claim with a claimId.",
        scopes=("orchestrate",),
        parameters=(
            "Orchestrator",
            "RequestTimestamp",
            query("batchSize", {"type": "integer", "minimum": 1, "maximum": 500, "default": 10}, "At most so many jobs."),
            query("jobTypes", list_of({**_IDENTIFIER, "maxLength": 100}, maxItems=1000), "Only these, with commas."),
            query(
                "labels", list_of(LABEL, maxItems=MOST_DECLARED), "What the caller has, with commas: only jobs that require nothing else."
            ),
            query("wait", {"type": "integer", "minimum": 0, "maximum": 30, "default": 0}, "Seconds to wait for work to come."),
            query("claimId", {**_IDENTIFIER, "maxLength": 128}, "Asked again with it, the answer is what is left of that claim."),
        ),
        answers={200: Answer(ref("Claimed"), _CLAIMED, "What there is, perhaps nothing.", links=LINKS)},
        errors=(*OF_AN_ORCHESTRATOR, *OF_A_CHANGE, "TIMESTAMP_OUT_OF_RANGE"),
    ),
    Operation(
        "GET",
        "/jobs/orphaned",
        "listOrphaned",
        "Claiming",
        "Lists what the caller holds: for an orchestrator that has just started again.",
        more="A bare list. The header or the token says who asks, never the query. Where they don't fit into one answer, `execution` is "
        "left out first, then long texts are shortened, then the list ends early.",
        scopes=("orchestrate",),
        parameters=("Orchestrator", "RequestTimestamp"),
        answers={
            200: Answer(
                described(list_of(ref("HeldJob")), "Claimed and running jobs, the longest held first."),
                [{**examples.held("running", startedAt=examples.MOMENT), "lease": examples.LEASE}],
                headers=("X-Total-Count",),
            )
        },
        errors=(*OF_AN_ORCHESTRATOR, "TIMESTAMP_OUT_OF_RANGE"),
    ),
)
