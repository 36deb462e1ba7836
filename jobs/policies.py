"""What may be said of how jobs are run and tried again, by their producer or of their type, and what holds where neither does."""

from jobs.failures import NOT_RETRYABLE

# The smallest and the largest value; durations in seconds.
BOUNDS = {
    "max_attempts": (1, 1000),
    "timeout_seconds": (1, 31_536_000),
    "backoff_base_seconds": (0, 86_400),
    "backoff_cap_seconds": (0, 86_400),
    # (None at all at a time: that is a pause.)
    "concurrency_limit": (1, 10_000),
}
DEFAULTS = {"max_attempts": 1, "timeout_seconds": 3600, "backoff_base_seconds": 10, "backoff_cap_seconds": 3600}
# For the statements that make and fail jobs.
OF_NEW_JOBS = {name: DEFAULTS[name] for name in ("max_attempts", "timeout_seconds")}
OF_FAILURES = {
    "backoff_base_seconds": DEFAULTS["backoff_base_seconds"],
    "backoff_cap_seconds": DEFAULTS["backoff_cap_seconds"],
    "not_retryable": sorted(NOT_RETRYABLE),
}
