"""What orchestrators say of themselves, and how they ask whether we are there."""

from jobs.models import Scope
from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import SUCCESS, answering
from orchestration_api.openapi.operation import OF_AN_ORCHESTRATOR, Answer, Operation
from orchestration_api.openapi.shapes import TEXT, closed, described, list_of, nullable, ref, words
from orchestration_api.serializers import Heartbeat, SelfReport

_IDS = list_of({"type": "string"})
_PULSE = answering(
    {
        "success": SUCCESS,
        "timestamp": ref("Time"),
        "leases": list_of(closed({"jobId": ref("JobId"), "expiresAt": ref("Time")}), "Of the jobs named and held: until when."),
        "cancel": {**_IDS, "description": "All that it holds with a cancel pending."},
        "abandon": {**_IDS, "description": "Named, but not held."},
        "unreported": {**_IDS, "description": "Held, but not named."},
        "ignored": ref("Ignored"),
    },
    optional=("ignored",),
)
_BEATEN = {
    "success": True,
    "timestamp": examples.MOMENT,
    "leases": [{"jobId": examples.JOB_ID, "expiresAt": examples.LATER}],
    "cancel": [],
    "abandon": [],
    "unreported": [],
}
_HEALTHY = answering({"status": {"const": "healthy"}, "timestamp": ref("Time"), "database": {"const": "connected"}, "version": TEXT})
_ME = answering(
    {
        "orchestratorId": nullable(ref("OrchestratorId", "For whom the call speaks; null with a token that speaks for none.")),
        "name": described(TEXT, "Of the token: `createdBy` of the jobs that it makes."),
        "scopes": list_of(words(*Scope)),
        "expiresAt": nullable(ref("Time", "Until when the token is good; null: until it is revoked.")),
        "timestamp": ref("Time"),
    }
)
_KNOWN = {"orchestratorId": "worker-7", "name": "service", "scopes": [*Scope], "expiresAt": None, "timestamp": examples.MOMENT}


def _self_report(path: str, name: str, does: str, example: dict[str, object]) -> Operation:
    return Operation(
        "POST",
        path,
        name,
        "Orchestrators",
        does,
        more="Anything: the last one is kept and shown, and counts as contact.",
        scopes=("orchestrate",),
        body=SelfReport,
        example=example,
        parameters=("OrchestratorOrBody", "RequestTimestamp"),
        answers={200: Answer(ref("Received"), {"success": True, "timestamp": examples.MOMENT})},
        errors=OF_AN_ORCHESTRATOR,
    )


OPERATIONS = (
    Operation(
        "POST",
        "/orchestrator/heartbeat",
        "heartbeat",
        "Orchestrators",
        "Keeps the leases of the jobs that it names for 90 s, and tells what to cancel and what to abandon.",
        more="From the first one that names a job, heartbeats alone keep its lease. It writes no entry.",
        scopes=("orchestrate",),
        body=Heartbeat,
        example={"runningJobs": [{"jobId": examples.JOB_ID, "leaseToken": examples.TOKEN}], "capacity": {"maxJobs": 4, "currentJobs": 1}},
        parameters=("OrchestratorOrBody", "RequestTimestamp"),
        answers={200: Answer(_PULSE, _BEATEN)},
        errors=(*OF_AN_ORCHESTRATOR, "VALIDATION_MISSING_FIELD"),
    ),
    Operation(
        "GET",
        "/orchestrator/health",
        "getHealth",
        "Orchestrators",
        "Says whether the server and its database are there.",
        scopes=(),
        answers={
            200: Answer(
                _HEALTHY, {"status": "healthy", "timestamp": examples.MOMENT, "database": "connected", "version": "0.1.0"}, "They are."
            )
        },
    ),
    _self_report("/orchestrator/health", "reportHealth", "Keeps what an orchestrator says of its health.", {"load": 0.4}),
    _self_report(
        "/orchestrator/metrics", "reportMetrics", "Keeps what an orchestrator measures of itself.", {"diskFreeBytes": 81604378624}
    ),
    Operation(
        "GET",
        "/orchestrator/me",
        "whoAmI",
        "Orchestrators",
        "Tells a caller as whom we know it, and what it may do.",
        scopes=(),
        parameters=("Orchestrator",),
        answers={200: Answer(_ME, _KNOWN, "Who you are.")},
        errors=OF_AN_ORCHESTRATOR,
    ),
)
