"""The shape of what comes in. Wire names are written out; what they mean is the domain's business."""

from typing import Any

from rest_framework import serializers

from jobs.bulk import LONGEST_SPREAD, MOST_CANARIES
from jobs.claiming import MOST_AT_ONCE as MOST_CLAIMED
from jobs.failures import Category
from jobs.labels import MOST_DECLARED, MOST_REQUIRED
from jobs.lifecycle import Status
from jobs.policies import BOUNDS
from orchestration_api.fields import (
    AnyJSON,
    ErrorDetail,
    Flag,
    Identifier,
    JSONObject,
    Labels,
    Listed,
    Moment,
    Number,
    Output,
    Text,
    Whole,
    Words,
)
from orchestration_api.shapes import AsSent, WireSerializer, the

# Reports in one batch.
MOST_REPORTED = 500


def _within(part: str) -> dict[str, int]:
    """The bounds of a part of a policy, as a field takes them."""
    least, most = BOUNDS[part]
    return {"min_value": least, "max_value": most}


class Identified(WireSerializer):
    """What any call of an orchestrator may carry."""

    orchestratorId = Identifier(longest=128, required=False, source="orchestrator_id")
    timestamp = Moment(required=False, source="stated_at")
    leaseToken = Text(required=False, source="lease_token", max_length=200)
    expectedUpdatedAt = Moment(required=False, source="expected_updated_at")


class ClaimTerms(WireSerializer):
    batchSize = Whole(required=False, default=10, min_value=1, max_value=MOST_CLAIMED, source="batch_size")
    jobTypes = Words(required=False, source="job_types", max_length=1000)
    labels = Labels(required=False, max_length=MOST_DECLARED)
    claimId = Identifier(longest=128, required=False, source="claim_id")


class ClaimRequest(ClaimTerms):
    orchestratorId = Identifier(longest=128, required=False, source="orchestrator_id")
    timestamp = Moment(required=False, source="stated_at")
    wait = Whole(required=False, default=0, min_value=0, max_value=30)


class BatchItem(WireSerializer):
    """What each update of a batch has; the rest is that of the single call."""

    jobId = Text(source="job_id")
    action = Text()


class Batch(WireSerializer):
    """The frame of a batch; each of its updates is read by itself."""

    orchestratorId = Identifier(longest=128, required=False, source="orchestrator_id")
    timestamp = Moment(required=False, source="stated_at")
    updates = Listed(child=AnyJSON(allow_null=True), max_length=MOST_REPORTED)
    claim = ClaimTerms(required=False)


class Acknowledgement(Identified):
    estimatedStartTime = Moment(required=False, source="estimated_start_time")


class Release(Identified):
    message = Text(required=False)
    status = Text(required=False)


class Progress(AsSent):
    percentage = Number(required=False, min_value=0, max_value=100)
    message = Text(required=False)


class StatusDetails(WireSerializer):
    message = Text(required=False)
    exitCode = Whole(required=False, min_value=-(2**63), max_value=2**63 - 1, source="exit_code")
    error = ErrorDetail(required=False)
    category = Text(required=False, max_length=100)
    output = Output(required=False)
    metrics = JSONObject(required=False)
    phase = Text(required=False, max_length=200)
    progress = AnyJSON(required=False)
    retryable = Flag(required=False)
    retryAfterSeconds = Whole(required=False, min_value=0, max_value=86_400, source="retry_after_seconds")


class StatusReport(Identified):
    status = Text()
    details = StatusDetails(required=False)

    def validate_status(self, status: str) -> str:
        # (queued and claimed are words too; why no report leads there is the door's to say.)
        if status not in ("acknowledged", "preparing", *ENDINGS, *Status):
            raise serializers.ValidationError(f"must be one of acknowledged, preparing, running, {', '.join(ENDINGS)}")
        return status


class ProgressReport(Identified):
    details = StatusDetails()

    def validate_details(self, details: dict[str, Any]) -> dict[str, Any]:
        if not {"phase", "progress"} & details.keys():
            raise serializers.ValidationError("phase or progress is needed", code="required")
        return details


class Items(AsSent):
    total = Whole(required=False, min_value=0)
    failed = Whole(required=False, min_value=0)


# At least one of these tells how a run ended.
_SAYS_HOW = frozenset({"status", "exit_code", "error", "output"})


class Completion(Identified):
    status = Text(required=False)
    exitCode = Whole(required=False, min_value=-(2**63), max_value=2**63 - 1, source="exit_code")
    output = Output(required=False)
    error = ErrorDetail(required=False)
    category = Text(required=False, max_length=100)
    metrics = JSONObject(required=False)
    artifacts = AnyJSON(required=False)
    scriptOutput = AnyJSON(required=False, source="script_output")
    condition = AnyJSON(required=False)
    items = Items(required=False)

    def validate_status(self, status: str) -> str:
        if status not in ENDINGS:
            raise serializers.ValidationError(f"must be one of {', '.join(ENDINGS)}")
        return status

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if _SAYS_HOW.isdisjoint(attrs):
            raise serializers.ValidationError({"status": ["at least one of status, exitCode, error and output is needed"]}, code="required")
        return attrs


class Failure(Identified):
    error = ErrorDetail()
    exitCode = Whole(required=False, min_value=-(2**63), max_value=2**63 - 1, source="exit_code")
    output = Output(required=False)
    category = Text(required=False, max_length=100)
    retryable = Flag(required=False)
    retryAfterSeconds = Whole(required=False, min_value=0, max_value=86_400, source="retry_after_seconds")
    metrics = JSONObject(required=False)

    def validate_error(self, error: Any) -> Any:
        if not error:
            raise serializers.ValidationError("must say what went wrong", code="required")
        return error


ENDINGS = ("completed", "failed", "cancelled", "timeout")


class LogEntry(WireSerializer):
    sequence = Whole(min_value=0, max_value=2**63 - 1)
    stream = Text()
    line = Text()
    timestamp = Moment(required=False)

    def validate_stream(self, stream: str) -> str:
        if stream not in ("stdout", "stderr", "system"):
            raise serializers.ValidationError("must be stdout, stderr or system")
        return stream


class LogEntries(Identified):
    entries = Listed(child=LogEntry(), max_length=10_000)


class Renewal(Identified):
    renewalToken = Text(source="renewal_token", max_length=200)
    extensionSeconds = Whole(required=False, min_value=1, max_value=3600, source="extension_seconds")
    progress = Progress(required=False)


class RunningJob(WireSerializer):
    jobId = Text(source="job_id", max_length=200)
    leaseToken = Text(required=False, source="lease_token", max_length=200)
    progress = AnyJSON(required=False)


class RunningJobField(AnyJSON):
    """A job id, or {jobId, leaseToken, progress}."""

    default_error_messages = {"not_job": "must be a job id or {{jobId, leaseToken, progress}}"}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            return {"job_id": data}
        if not isinstance(data, dict):
            self.fail("not_job")
        return the(RunningJob).read(data).fields


class Capacity(AsSent):
    maxJobs = Whole(required=False, min_value=0)
    currentJobs = Whole(required=False, min_value=0)
    availableSlots = Whole(required=False, min_value=0)


class Heartbeat(WireSerializer):
    orchestratorId = Identifier(longest=128, required=False, source="orchestrator_id")
    timestamp = Moment(required=False, source="stated_at")
    runningJobs = Listed(child=RunningJobField(), required=False, max_length=500, source="running_jobs")
    capacity = Capacity(required=False)
    jobTypes = Words(required=False, max_length=1000, source="job_types")
    labels = Labels(required=False, max_length=MOST_DECLARED)
    version = Text(required=False, max_length=200)
    hostname = Text(required=False, max_length=255)
    instanceId = Identifier(longest=128, required=False, source="instance_id")


class SelfReport(WireSerializer):
    """Anything an orchestrator says of itself."""

    orchestratorId = Identifier(longest=128, required=False, source="orchestrator_id")
    timestamp = Moment(required=False, source="stated_at")


class RetryPolicy(WireSerializer):
    """Of one job, what is otherwise than its type says."""

    backoffBaseSeconds = Whole(required=False, **_within("backoff_base_seconds"))
    backoffCapSeconds = Whole(required=False, **_within("backoff_cap_seconds"))
    retryableCategories = Listed(child=Text(), required=False, max_length=100)
    refuses_unknown = "is not known here"

    def validate_retryableCategories(self, categories: list[str]) -> list[str]:
        if unknown := sorted({*categories} - {*Category}):
            raise serializers.ValidationError(f"must be of {', '.join(Category)}; not {', '.join(unknown)[:200]}")
        return sorted({*categories})


class NewJobRequest(WireSerializer):
    type = Identifier(longest=100)
    payload = AnyJSON(allow_null=True)
    priority = Whole(required=False, default=50, min_value=0, max_value=100)
    scheduledFor = Moment(required=False, source="scheduled_for")
    maxAttempts = Whole(required=False, source="max_attempts", **_within("max_attempts"))
    timeoutSeconds = Whole(required=False, source="timeout_seconds", **_within("timeout_seconds"))
    metadata = JSONObject(required=False)
    uniqueKey = Text(required=False, allow_blank=False, max_length=200, source="unique_key")
    labels = Labels(required=False, max_length=MOST_REQUIRED)
    retryPolicy = RetryPolicy(required=False, source="retry_policy")
    refuses_unknown = "is not known here"

    def validate_retryPolicy(self, policy: dict[str, Any]) -> dict[str, Any] | None:
        return policy or None


class Order(WireSerializer):
    """What staff and producers send with a cancel or a retry."""

    reason = Text(required=False, max_length=2000)
    expectedUpdatedAt = Moment(required=False, source="expected_updated_at")


class Reopening(WireSerializer):
    reason = Text(required=False, max_length=2000)


class GroupRetry(WireSerializer):
    reason = Text(allow_blank=False, max_length=2000)
    canaries = Whole(required=False, min_value=1, max_value=MOST_CANARIES)
    overSeconds = Whole(required=False, min_value=0, max_value=int(LONGEST_SPREAD.total_seconds()), source="over_seconds")


class Resolving(Reopening):
    note = Text(required=False, max_length=10_000)


class Acknowledging(Resolving):
    owner = Text(required=False, allow_blank=False, max_length=150)


class Snoozing(Reopening):
    until = Moment(required=False)
    failures = Whole(required=False, min_value=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not {"until", "failures"} & attrs.keys():
            raise serializers.ValidationError({"until": ["until or failures is needed"]}, code="required")
        return attrs


class RunAgain(WireSerializer):
    payload = AnyJSON(required=False, allow_null=True)
    priority = Whole(required=False, min_value=0, max_value=100)
    scheduledFor = Moment(required=False, source="scheduled_for")


class Edit(WireSerializer):
    priority = Whole(required=False, min_value=0, max_value=100)
    scheduledFor = Moment(required=False, source="scheduled_for")
    metadata = JSONObject(required=False)
    maxAttempts = Whole(required=False, source="max_attempts", **_within("max_attempts"))
    timeoutSeconds = Whole(required=False, source="timeout_seconds", **_within("timeout_seconds"))
    expectedUpdatedAt = Moment(required=False, source="expected_updated_at")
    refuses_unknown = "can't be changed"
