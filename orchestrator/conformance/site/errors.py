"""Whatever is refused, in the one shape of the contract's section 1."""

from typing import Any

STATUS_OF = {
    "VALIDATION_INVALID_PARAMS": 400,
    "VALIDATION_MISSING_FIELD": 400,
    "ORCHESTRATOR_ID_REQUIRED": 400,
    "TIMESTAMP_OUT_OF_RANGE": 400,
    "AUTH_INVALID_TOKEN": 401,
    "ORCHESTRATOR_MISMATCH": 403,
    "NOT_JOB_OWNER": 403,
    "JOB_NOT_FOUND": 404,
    "RESOURCE_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "INVALID_TRANSITION": 409,
    "ALREADY_FINISHED": 409,
    "CONFLICT": 409,
    "LEASE_LOST": 409,
    "LEASE_EXPIRED": 409,
    "LENGTH_REQUIRED": 411,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}
# After these the caller drops the job.
_STOP = {"NOT_JOB_OWNER", "ALREADY_FINISHED", "LEASE_LOST", "LEASE_EXPIRED"}


class Refusal(Exception):
    """An answer other than 2xx; `details` are for a program."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.details = details | ({"nextAction": "abandon"} if code in _STOP else {})

    @property
    def status(self) -> int:
        return STATUS_OF[self.code]

    def told(self) -> dict[str, Any]:
        """As an item of a batch tells it; an answer adds time and trace."""
        return {"code": self.code, "message": self.message, "details": self.details}
