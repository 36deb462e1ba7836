"""The nouns, one a file."""

from jobs.models.attempt import Attempt
from jobs.models.audit import AuditEntry
from jobs.models.idempotency_key import IdempotencyKey
from jobs.models.job import Job
from jobs.models.lane import Lane
from jobs.models.lease_key import LeaseKey
from jobs.models.log_line import LogLine
from jobs.models.orchestrator import Orchestrator

__all__ = ["Attempt", "AuditEntry", "IdempotencyKey", "Job", "Lane", "LeaseKey", "LogLine", "Orchestrator"]
