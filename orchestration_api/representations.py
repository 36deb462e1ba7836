"""The shape of what goes out: jobs, audit entries, attempts and log lines under their wire names."""

from typing import Any

from rest_framework import serializers

from jobs.lifecycle import Status
from jobs.models import Job
from orchestration_api.fields import AnyJSON, Moment

# Of an error, in a job that is told in passing; the whole of it is at GET /jobs/{id}.
LONGEST_ERROR = 100_000


class JobSummary(serializers.Serializer[Job]):
    """A job without payload and result. A very long error is shortened, and its length told beside it."""

    id = AnyJSON()
    type = AnyJSON()
    status = AnyJSON()
    priority = AnyJSON()
    metadata = AnyJSON()
    lastError = AnyJSON(source="last_error")
    errorCategory = AnyJSON(source="error_category")
    exitCode = AnyJSON(source="exit_code")
    attempts = AnyJSON()
    maxAttempts = AnyJSON(source="max_attempts")
    epoch = AnyJSON()
    phase = AnyJSON()
    progress = AnyJSON()
    partial = AnyJSON()  # type: ignore[assignment]  # a field here, whatever the base class calls so
    createdBy = AnyJSON(source="created_by")
    orchestratorId = AnyJSON(source="orchestrator_id")
    timeoutSeconds = AnyJSON(source="timeout_seconds")
    scheduledFor = Moment(source="scheduled_for")
    createdAt = Moment(source="created_at")
    updatedAt = Moment(source="updated_at")
    claimedAt = Moment(source="claimed_at")
    acknowledgedAt = Moment(source="acknowledged_at")
    startedAt = Moment(source="started_at")
    completedAt = Moment(source="completed_at")
    leaseExpiresAt = Moment(source="lease_expires_at")
    cancelRequestedAt = Moment(source="cancel_requested_at")
    retriedFrom = AnyJSON(source="retried_from")
    uniqueKey = AnyJSON(source="unique_key")

    def to_representation(self, instance: Job) -> dict[str, Any]:
        told: dict[str, Any] = super().to_representation(instance)
        error = told["lastError"]
        if error and len(error) > LONGEST_ERROR and "payload" not in self.fields:
            told |= {"lastError": error[:LONGEST_ERROR], "lastErrorBytes": len(error.encode())}
        return told


class JobWhole(JobSummary):
    """A job with all that is known of it."""

    payload = AnyJSON()
    result = AnyJSON()


class Entry(serializers.Serializer[Any]):
    """One entry of the audit log."""

    id = AnyJSON()
    jobId = AnyJSON(source="job_id")
    sequence = AnyJSON()
    subjectType = AnyJSON(source="subject_type")
    subjectId = AnyJSON(source="subject_id")
    action = AnyJSON()
    fromStatus = AnyJSON(source="from_status")
    toStatus = AnyJSON(source="to_status")
    actorKind = AnyJSON(source="actor_kind")
    actor = AnyJSON()
    epoch = AnyJSON()
    attempt = AnyJSON()
    reason = AnyJSON()
    requestId = AnyJSON(source="request_id")
    at = Moment()
    statedAt = Moment(source="stated_at")
    detail = AnyJSON()


class AttemptOut(serializers.Serializer[Any]):
    """One run of a job: a finished one, or the one the job is in."""

    number = AnyJSON()
    epoch = AnyJSON()
    status = AnyJSON()
    orchestratorId = AnyJSON(source="orchestrator_id")
    claimedAt = Moment(source="claimed_at")
    acknowledgedAt = Moment(source="acknowledged_at")
    startedAt = Moment(source="started_at")
    completedAt = Moment(source="completed_at")
    exitCode = AnyJSON(source="exit_code")
    error = AnyJSON(source="last_error")
    errorCategory = AnyJSON(source="error_category")
    result = AnyJSON()


class CurrentRun(AttemptOut):
    """The run that a job is in, or ended with; how it ended is told only once it has."""

    number = AnyJSON(source="attempt_number")

    def to_representation(self, instance: Job) -> dict[str, Any]:
        told: dict[str, Any] = super().to_representation(instance)
        ended = Status(instance.status).is_terminal
        return told if ended else told | dict.fromkeys(("exitCode", "error", "errorCategory", "result"))


class LogLineOut(serializers.Serializer[Any]):
    epoch = AnyJSON()
    sequence = AnyJSON()
    stream = AnyJSON()
    line = AnyJSON()
    timestamp = Moment(source="stated_at")
