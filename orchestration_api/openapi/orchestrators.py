"""What orchestrators say of themselves, and how they ask whether we are there."""

from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import SUCCESS
from orchestration_api.openapi.operation import OF_AN_ORCHESTRATOR, OF_AN_ORCHESTRATOR_WITH_A_BODY, Answer, Operation
from orchestration_api.openapi.shapes import TEXT, closed, list_of, ref, words
from orchestration_api.serializers import Heartbeat, SelfReport

SCOPES = ("orchestrate", "enqueue", "read", "manage")
_IDS = list_of({"type": "string"})
_PULSE = closed(
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
_HEALTHY = closed({"status": {"const": "healthy"}, "timestamp": ref("Time"), "database": {"const": "connected"}, "version": TEXT})
_ME = closed({"orchestratorId": ref("OrchestratorId"), "scopes": list_of(words(*SCOPES)), "timestamp": ref("Time")})


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
        errors=OF_AN_ORCHESTRATOR_WITH_A_BODY,
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
        errors=(*OF_AN_ORCHESTRATOR_WITH_A_BODY, "VALIDATION_MISSING_FIELD"),
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
        "Tells an orchestrator as whom we know it, and what it may do.",
        scopes=("orchestrate",),
        parameters=("Orchestrator",),
        answers={200: Answer(_ME, {"orchestratorId": "worker-7", "scopes": [*SCOPES], "timestamp": examples.MOMENT}, "Who you are.")},
        errors=OF_AN_ORCHESTRATOR,
    ),
)
