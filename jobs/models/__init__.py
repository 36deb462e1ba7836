"""The nouns, one a file."""

from jobs.models.api_token import ApiToken, Scope
from jobs.models.attempt import Attempt
from jobs.models.audit import AuditEntry
from jobs.models.auth_failure import AuthFailure
from jobs.models.bulk import PENDING, BulkItem, BulkOperation, BulkState, ItemOutcome
from jobs.models.canary_retry import CanaryRetry, CanaryState
from jobs.models.failure_group import FailureCount, FailureFold, FailureGroup, TriageState
from jobs.models.fold import Fold
from jobs.models.idempotency_key import IdempotencyKey
from jobs.models.job import Job
from jobs.models.job_type import JobType
from jobs.models.lane import Lane
from jobs.models.lease_key import LeaseKey
from jobs.models.log_line import LogLine
from jobs.models.orchestrator import Orchestrator
from jobs.models.pause import Pause, PauseMode, PauseScope
from jobs.models.rollup import Span, TimeSpent, TransitionCount
from jobs.models.subscription import Subscription
from jobs.models.sweep_run import SweepRun
from jobs.models.watch import Watch
from jobs.models.webhook import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret

__all__ = [
    "PENDING",
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "AuthFailure",
    "BulkItem",
    "BulkOperation",
    "BulkState",
    "CanaryRetry",
    "CanaryState",
    "DeliveryState",
    "FailureCount",
    "FailureFold",
    "FailureGroup",
    "Fold",
    "IdempotencyKey",
    "ItemOutcome",
    "Job",
    "JobType",
    "Lane",
    "LeaseKey",
    "LogLine",
    "Orchestrator",
    "Pause",
    "PauseMode",
    "PauseScope",
    "Scope",
    "Span",
    "Subscription",
    "SweepRun",
    "TimeSpent",
    "TransitionCount",
    "TriageState",
    "Watch",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
]
