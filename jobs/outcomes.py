"""How a run ended, judged from everything that was reported of it: the worst of status, error and exit code wins."""

import hashlib
import json
from typing import Any

import msgspec

from jobs import failures, fingerprints
from jobs.failures import Category, ErrorDetail
from jobs.lifecycle import Status, Verb

# Of existing orchestrators that run one job on many targets: 100 + the number of targets that failed.
PARTIAL_EXIT_CODES = range(101, 200)
METRICS_LOGGED = 16 * 1024
ERROR_LOGGED = 64 * 1024


class Report(msgspec.Struct, frozen=True):
    """What the holder says of a run that has ended. Nothing is required; what was not sent is None.

    Attributes:
        status: `completed`, `failed`, `cancelled` or `timeout`.
        output: a string, or stdout and stderr.
        extras: metrics, artifacts, scriptOutput, condition, items as sent, under their wire names.
        message: free words beside the report.
        retry_after_seconds: wish of the reporter, 0 to 86,400.
    """

    status: str | None = None
    exit_code: int | None = None
    error: ErrorDetail | None = None
    output: str | dict[str, Any] | None = None
    category: str | None = None
    message: str | None = None
    retryable: bool | None = None
    retry_after_seconds: int | None = None
    extras: dict[str, Any] = {}


class Outcome(msgspec.Struct, frozen=True):
    """What the report comes to, ready for the door.

    Attributes:
        verb: complete, fail or cancel (the door makes a failure of a cancel that nobody asked for).
        error: what stands in `last_error`.
        result: what is stored whole with the attempt.
        detail: what the audit entry keeps: of an output only its length and hash.
        fault: of a failure: what it has in common with others of its kind (jobs/fingerprints.py).
        retryable: whether trying again may help, as it was said; None when nothing was, and the retry policy decides.
    """

    verb: Verb
    exit_code: int | None
    error: str | None
    category: str | None
    result: dict[str, Any]
    detail: dict[str, Any]
    partial: bool = False
    retryable: bool | None = None
    retry_after_seconds: int | None = None
    fault: str | None = None


def judge(report: Report) -> Outcome:
    """What a report comes to."""
    error = report.error or None
    timed_out = report.status == "timeout" or (report.exit_code == -1 and error is None and not report.category)
    partial = report.exit_code in PARTIAL_EXIT_CODES and report.status == Status.COMPLETED
    if error is None and report.status in (None, Status.COMPLETED) and not timed_out and (not report.exit_code or partial):
        result = _result(report)
        return Outcome(
            verb=Verb.COMPLETE,
            exit_code=report.exit_code,
            error=None,
            category=None,
            result=result,
            detail=_detail(report, result),
            partial=partial or _failed_items(report) > 0,
        )
    return _failure(report, error, timed_out)


def _failure(report: Report, error: ErrorDetail | None, timed_out: bool) -> Outcome:
    cancelled = report.status == Status.CANCELLED
    kind = (
        failures.Kind(Category.CANCELLED)
        if cancelled
        else failures.kind_of(sent=report.category, exit_code=report.exit_code, error=error, stderr=_stderr(report), timed_out=timed_out)
    )
    words = (
        failures.message_of(error)
        or _last_line(_stderr(report))
        or failures.name_of(error)
        or report.message
        or _plain_words(report, cancelled, timed_out)
    )
    said_retryable = report.retryable
    if said_retryable is None and isinstance(error, dict) and isinstance(error.get("retryable"), bool):
        said_retryable = error["retryable"]
    # An empty error says as little as none: in its place the door tells the words in the result, too.
    result = _result(msgspec.structs.replace(report, error=error))
    alike = fingerprints.likeness(
        category=kind.category, exit_code=report.exit_code, error=error, message=words, stderr=_stderr(report)[-fingerprints.LOOKED_AT :]
    )
    marks = {"category": kind.category, "categoryInferred": kind.inferred or None, "categorySent": kind.sent}
    return Outcome(
        verb=Verb.CANCEL if cancelled else Verb.FAIL,
        exit_code=report.exit_code,
        error=words,
        category=kind.category,
        result=result,
        detail=_detail(report, result) | {key: value for key, value in marks.items() if value is not None},
        retryable=said_retryable,
        retry_after_seconds=report.retry_after_seconds,
        fault=alike.fault,
    )


def _plain_words(report: Report, cancelled: bool, timed_out: bool) -> str:
    if timed_out:
        return "Timed out"
    if cancelled:
        return "Cancelled by the orchestrator"
    return "Failed, and no reason was given" if report.exit_code is None else f"Exit code {report.exit_code}"


def _result(report: Report) -> dict[str, Any]:
    sent = {"output": report.output, "exitCode": report.exit_code, "error": report.error, **report.extras}
    return {key: value for key, value in sent.items() if value is not None}


def _detail(report: Report, result: dict[str, Any]) -> dict[str, Any]:
    detail: dict[str, Any] = {key: result[key] for key in ("exitCode", "error") if key in result}
    if "error" in detail and len(said := _json(detail["error"])) > ERROR_LOGGED:
        # Whole in the result of the job; the log can't be pruned, so it keeps the beginning and says so.
        detail |= {"error": said[:ERROR_LOGGED], "errorBytes": len(said.encode())}
    if report.message:
        detail["message"] = report.message[:ERROR_LOGGED]
    if (metrics := report.extras.get("metrics")) is not None:
        size = len(_json(metrics).encode())
        detail |= {"metrics": metrics} if size <= METRICS_LOGGED else {"metricsBytes": size}
    if report.output is not None:
        streams = report.output if isinstance(report.output, dict) else {"output": report.output}
        detail["output"] = {name: _fingerprint(text) for name, text in streams.items() if isinstance(text, str)}
    return detail


def _fingerprint(text: str) -> dict[str, Any]:
    content = text.encode()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _failed_items(report: Report) -> int:
    items = report.extras.get("items")
    failed = items.get("failed") if isinstance(items, dict) else None
    return failed if isinstance(failed, int) else 0


def _stderr(report: Report) -> str:
    text = report.output.get("stderr") if isinstance(report.output, dict) else None
    return text if isinstance(text, str) else ""


def _last_line(text: str) -> str | None:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), None)


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
