"""The shape of what goes out: jobs, audit entries, attempts and log lines under their wire names."""

from collections.abc import Callable, Mapping
from operator import attrgetter, itemgetter
from typing import Any

from rest_framework import serializers

from jobs import times
from jobs.lifecycle import Status
from jobs.models import FailureGroup, Job
from jobs.rollup import Spread
from jobs.timing import Timing
from orchestration_api.fields import AnyJSON, Moment

# Of an error, in a job that is told in passing; the whole of it is at GET /jobs/{id}.
LONGEST_ERROR = 100_000
# Of a job's time in one answer: of more, the earlier ones are told together.
MOST_STRETCHES = 10_000


class Shape(serializers.Serializer[Any]):
    """What a thing is told by: a table of wire names, each with the attribute of the thing, or the key of a row, that it is told from.

    It is read once, when a class is made. (Django REST framework would make the fields anew for each thing, which costs far more than to
    tell it.)
    """

    _names: tuple[str, ...]
    _moments: tuple[str, ...]
    _attributes: Callable[[Any], tuple[Any, ...]]
    _keys: Callable[[Mapping[str, Any]], tuple[Any, ...]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        sources = {name: field.source or name for name, field in cls._declared_fields.items()}
        cls._names = tuple(sources)
        cls._moments = tuple(name for name, field in cls._declared_fields.items() if isinstance(field, Moment))
        cls._attributes, cls._keys = attrgetter(*sources.values()), itemgetter(*sources.values())

    @classmethod
    def of(cls, thing: Any) -> dict[str, Any]:
        """The thing under its wire names."""
        values = cls._keys(thing) if isinstance(thing, dict) else cls._attributes(thing)
        told = dict(zip(cls._names, values, strict=True))
        for name in cls._moments:
            told[name] = times.in_answer(told[name])
        return told

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return self.of(instance)


class _JobShape(Shape):
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
    labels = AnyJSON()
    retryPolicy = AnyJSON(source="retry_policy")
    fingerprint = AnyJSON()
    quarantinedAt = Moment(source="quarantined_at")
    cancelSeenAt = Moment(source="cancel_seen_at")

    @classmethod
    def of(cls, thing: Any) -> dict[str, Any]:
        told = super().of(thing)
        told["labels"] = told["labels"] or []
        return told


class JobSummary(_JobShape):
    """A job without payload and result. A very long error is shortened, and its length told beside it."""

    @classmethod
    def of(cls, thing: Job) -> dict[str, Any]:
        told = super().of(thing)
        error = told["lastError"]
        if error and len(error) > LONGEST_ERROR:
            told |= {"lastError": error[:LONGEST_ERROR], "lastErrorBytes": len(error.encode())}
        return told


class JobWhole(_JobShape):
    """A job with all that is known of it."""

    payload = AnyJSON()
    result = AnyJSON()


class Entry(Shape):
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


class AttemptOut(Shape):
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

    @classmethod
    def of(cls, thing: Job) -> dict[str, Any]:
        told = super().of(thing)
        ended = Status(thing.status).is_terminal
        return told if ended else told | dict.fromkeys(("exitCode", "error", "errorCategory", "result"))


class FailureGroupOut(Shape):
    """Failures that are alike."""

    fingerprint = AnyJSON()
    type = AnyJSON()
    category = AnyJSON()
    code = AnyJSON()
    title = AnyJSON()
    topFrame = AnyJSON(source="top_frame")
    exampleJobId = AnyJSON(source="example_job_id")
    exampleError = AnyJSON(source="example_error")
    failures = AnyJSON()
    firstSeenAt = Moment(source="first_seen_at")
    lastSeenAt = Moment(source="last_seen_at")
    state = AnyJSON()
    ongoing = AnyJSON(source="is_ongoing")
    owner = AnyJSON()
    note = AnyJSON()
    snoozedUntil = Moment(source="snoozed_until")
    snoozedFailures = AnyJSON(source="snoozed_failures")
    triagedAt = Moment(source="triaged_at")
    triagedBy = AnyJSON(source="triaged_by")

    @classmethod
    def of_group(cls, group: FailureGroup, failed_now: Mapping[str, int]) -> dict[str, Any]:
        """With how many of its jobs stand failed, by fingerprint."""
        told = cls.of(group) | {"failedJobs": failed_now.get(group.fingerprint, 0)}
        return told | {name: told[name] or None for name in ("code", "topFrame")}


class CanaryRetryOut(Shape):
    """The retry of a failure group, and how far it has come."""

    operationId = AnyJSON(source="operation_id")
    state = AnyJSON()
    canaries = AnyJSON()
    overSeconds = AnyJSON(source="over_seconds")
    judgedAt = Moment(source="judged_at")
    words = AnyJSON()


class LogLineOut(Shape):
    epoch = AnyJSON()
    sequence = AnyJSON()
    stream = AnyJSON()
    line = AnyJSON()
    timestamp = Moment(source="stated_at")


class BulkOperationOut(Shape):
    """A bulk operation, and how far it is."""

    id = AnyJSON()
    action = AnyJSON()
    arguments = AnyJSON()
    filter = AnyJSON()
    selection = AnyJSON()
    preview = AnyJSON()
    state = AnyJSON()
    reason = AnyJSON()
    createdBy = AnyJSON(source="created_by")
    createdAt = Moment(source="created_at")
    confirmedBy = AnyJSON(source="confirmed_by")
    confirmedAt = Moment(source="confirmed_at")
    endedAt = Moment(source="ended_at")
    selected = AnyJSON()
    outcomes = AnyJSON()


class BulkItemOut(Shape):
    """A job of a bulk operation, and what became of it there."""

    ordinal = AnyJSON()
    jobId = AnyJSON(source="job_id")
    outcome = AnyJSON()
    words = AnyJSON()
    at = Moment()


class StretchOut(Shape):
    """A time that a job spent in one state."""

    state = AnyJSON()
    attempt = AnyJSON()
    beganAt = Moment(source="began_at")
    endedAt = Moment(source="ended_at")
    microseconds = AnyJSON()


def told_timing(job_id: str, timing: Timing) -> dict[str, Any]:
    """Where the time of a job went."""
    told = timing.stretches[-MOST_STRETCHES:]
    return {
        "jobId": job_id,
        "beganAt": times.in_answer(timing.began_at),
        "until": times.in_answer(timing.until),
        "ended": timing.has_ended,
        "microseconds": timing.microseconds,
        "earlierMicroseconds": timing.microseconds - sum(stretch.microseconds for stretch in told),
        "stretches": [StretchOut.of(stretch) for stretch in told],
        "text": str(timing),
    }


class MovedOut(Shape):
    """How many jobs went from one status to another."""

    fromStatus = AnyJSON(source="from_status")
    toStatus = AnyJSON(source="to_status")
    category = AnyJSON()
    jobs = AnyJSON()


def told_spread(spread: Spread) -> dict[str, Any]:
    """How long jobs were in a state."""
    percentiles = {f"p{round(100 * share)}Microseconds": round(spread.percentile(share) * 1e6) for share in (0.5, 0.95, 0.99)}
    return {"state": spread.state, "stretches": spread.stretches, "microseconds": spread.microseconds, **percentiles}
