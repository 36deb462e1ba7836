"""Why a job is not running."""

from jobs.blockers import COUNTED_TO, MOST_NAMED, Reason
from jobs.models import PauseMode
from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import answering
from orchestration_api.openapi.operation import OF_A_JOB, Answer, Operation
from orchestration_api.openapi.shapes import COUNT, FLAG, TEXT, closed, described, list_of, opened, ref, words

_SEEN = {"orchestratorId": ref("OrchestratorId"), "lastSeenAt": ref("Time", "When it was last heard of.")}
_PAUSE = {"by": described(TEXT, "Who said so."), "since": ref("Time"), "reason": described(TEXT, "And why.")}
_DETAILS = opened(
    "which keys there are depends on the code.",
    {
        "scheduledFor": ref("Time", "`not_due`, `retry_wait`: when its time comes."),
        "afterAttempt": described(COUNT, "`retry_wait`: the attempt that failed."),
        "maxAttempts": described(COUNT, "`retry_wait`: of how many."),
        **_PAUSE,
        "type": described(TEXT, "Of the job."),
        "labels": list_of(TEXT, "`no_orchestrator`: what the job requires."),
        "withinSeconds": described(COUNT, "`no_orchestrator`: who was heard of so lately is live."),
        "silent": list_of(
            closed(_SEEN), "`no_orchestrator`: who takes such jobs and is not live, the last heard of first.", maxItems=MOST_NAMED
        ),
        "stopped": list_of(
            closed({**_SEEN, "mode": words(PauseMode.DRAINED, PauseMode.DISABLED), **_PAUSE}),
            "`no_orchestrator`: who takes such jobs and is drained or disabled.",
            maxItems=MOST_NAMED,
        ),
        "limit": described(COUNT, "`limit_reached`: how many jobs of the type may be held at a time."),
        "held": described(COUNT, "`limit_reached`: how many are."),
        "holders": list_of(
            closed({"orchestratorId": ref("OrchestratorId"), "jobs": COUNT}),
            "`limit_reached`: by whom, the busiest first.",
            maxItems=MOST_NAMED,
        ),
        "jobs": described(
            {**COUNT, "maximum": COUNTED_TO}, "`jobs_ahead`: how many are before it for the orchestrator that comes to it first."
        ),
        "hasMore": described(FLAG, "`jobs_ahead`: there are more than were counted."),
        "orchestratorId": ref("OrchestratorId", "`jobs_ahead`: that orchestrator."),
    },
)
_BLOCKER = closed(
    {
        "code": words(*Reason),
        "message": described(TEXT, "For people, with the numbers."),
        "details": _DETAILS,
    }
)
_STANDING = answering(
    {
        "jobId": ref("JobId"),
        "status": ref("Status"),
        "blockers": list_of(_BLOCKER, "Every reason, as they were in one moment."),
        "asOf": ref("Time"),
    }
)
_EXAMPLE = {
    "code": Reason.JOBS_AHEAD,
    "message": "12 jobs are ahead of it for worker-7, which would come to it first.",
    "details": {"jobs": 12, "hasMore": False, "orchestratorId": "worker-7"},
}

OPERATIONS = (
    Operation(
        "GET",
        "/jobs/{id}/blockers",
        "explainJob",
        "Reading",
        "Tells all that keeps a queued job from running.",
        more="There is nothing exactly when a claim of one job, by an orchestrator that was lately heard of and is not stopped, would "
        "return it now. Of a job that is not queued there is nothing to tell.",
        scopes=("read", "enqueue", "orchestrate"),
        parameters=("Id",),
        answers={
            200: Answer(
                _STANDING,
                {"jobId": examples.JOB_ID, "status": "queued", "blockers": [_EXAMPLE], "asOf": examples.MOMENT},
                "Every reason; none of a job that is not queued, or would be handed out now.",
            )
        },
        errors=OF_A_JOB,
    ),
)
