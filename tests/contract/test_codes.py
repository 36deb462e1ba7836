"""The words that the contract lists: codes of errors (section 1) and categories of failures (section 5)."""

from jobs.failures import Category
from orchestration_api.exceptions import STATUS_OF

CODES = {
    400: {"VALIDATION_INVALID_PARAMS", "VALIDATION_MISSING_FIELD", "ORCHESTRATOR_ID_REQUIRED", "TIMESTAMP_OUT_OF_RANGE"},
    401: {"AUTH_INVALID_TOKEN", "AUTH_EXPIRED_TOKEN"},
    403: {"AUTHZ_INSUFFICIENT_PERMISSIONS", "ORCHESTRATOR_MISMATCH", "NOT_JOB_OWNER"},
    404: {"JOB_NOT_FOUND", "RESOURCE_NOT_FOUND"},
    405: {"METHOD_NOT_ALLOWED"},
    409: {"INVALID_TRANSITION", "ALREADY_FINISHED", "CONFLICT", "LEASE_LOST", "LEASE_EXPIRED"},
    411: {"LENGTH_REQUIRED"},
    413: {"PAYLOAD_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"},
    422: {"INVALID_UNICODE", "IDEMPOTENCY_MISMATCH"},
    428: {"LEASE_TOKEN_REQUIRED"},
    429: {"RATE_LIMIT_EXCEEDED"},
    500: {"INTERNAL_ERROR"},
    503: {"SERVICE_UNAVAILABLE", "OUTCOME_UNKNOWN"},
}


def test_the_codes_and_their_statuses_are_those_of_the_contract() -> None:
    found: dict[int, set[str]] = {}
    for code, status in STATUS_OF.items():
        found.setdefault(status, set()).add(code)

    assert found == CODES


def test_the_categories_are_those_of_the_contract() -> None:
    words = (
        "exit_code exception container timeout signal resource network validation configuration permission dependency lease_lost "
        "cancelled system unknown"
    )

    assert [*Category] == words.split()
