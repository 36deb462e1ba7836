"""Turns how a run ended into the report that says so, as honestly as it can be known."""

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.output import OutputReader
from orchestrator.runner import Ending, Stop

STACK_CHARACTERS = 64 * 1024

_PYTHON_TRACEBACK = re.compile(r"^(?:Traceback \(most recent call last\):|  File \".*\", line \d+)", re.MULTILINE)
_PYTHON_ERROR = re.compile(r"^([A-Za-z_][\w.]*)(?::\s|:?$)")
_NODE_ERROR = re.compile(r"^(?:Uncaught )?([A-Z]\w*)(?: \[\w+\])?(?::\s.*)?$")
_NODE_FOOTER = re.compile(r"^Node\.js v\d")


@dataclass(frozen=True)
class Verdict:
    """What to report, and by which verb."""

    completes: bool
    report: dict[str, Any]
    words: str


def judge(ending: Ending, output: OutputReader, *, timeout_seconds: float) -> Verdict:
    """Say how a run ended, in the words of the contract's section 4."""
    stderr = output.stderr.tail()
    report: dict[str, Any] = {
        "output": {"stdout": output.stdout.tail(), "stderr": stderr},
        "metrics": {
            "durationMilliseconds": round(ending.seconds * 1000),
            "stdoutBytes": output.stdout.bytes,
            "stdoutLines": output.stdout.lines,
            "stderrBytes": output.stderr.bytes,
            "stderrLines": output.stderr.lines,
        },
    }
    if ending.stop is Stop.CANCEL:
        return Verdict(True, {"status": "cancelled", **report}, "cancelled")
    if ending.stop is Stop.TIMEOUT:
        message = f"Timed out after {timeout_seconds:g} s"
        return _failed(report, -1, {"type": "Timeout", "message": message}, message, category="timeout")
    if ending.returncode == 0:
        return Verdict(True, {"status": "completed", "exitCode": 0, **report}, "exit code 0")
    if ending.returncode < 0:
        message = f"Killed by {_signal_name(-ending.returncode)}"
        return _failed(report, ending.returncode, {"type": "Signal", "message": message, **_stack(stderr)}, message, category="signal")
    words = f"exit code {ending.returncode}"
    exception = _exception(stderr)
    if exception is not None:
        kind, message = exception
        return _failed(report, ending.returncode, {"type": kind, "message": message, **_stack(stderr)}, words, category="exception")
    message = _last_line(stderr) or f"Exit code {ending.returncode}"
    # No category: what an exit code means is the server's to say.
    return _failed(report, ending.returncode, {"type": "ExitCode", "message": message, **_stack(stderr)}, words)


def own_fault(message: str, *, category: str) -> Verdict:
    """Say that the script never ran, and why."""
    kind = "ConfigurationError" if category == "configuration" else "OrchestratorError"
    return Verdict(False, {"error": {"type": kind, "message": message}, "category": category}, message)


def _failed(report: Mapping[str, Any], exit_code: int, error: dict[str, Any], words: str, *, category: str | None = None) -> Verdict:
    stated = {"category": category} if category is not None else {}
    return Verdict(False, {"error": error, "exitCode": exit_code, **stated, **report}, words)


def _signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"


def _stack(stderr: str) -> dict[str, str]:
    return {"stack": stderr[-STACK_CHARACTERS:]} if stderr.strip() else {}


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _exception(stderr: str) -> tuple[str, str] | None:
    lines = [line for line in stderr[-STACK_CHARACTERS:].splitlines() if line.strip()]
    if not lines:
        return None
    if _NODE_FOOTER.match(lines[-1]):
        return _node_exception(lines)
    found = _PYTHON_ERROR.match(lines[-1])
    # The error's own line is the last one, and a traceback's lines above it are indented, back to its head.
    if found is None or not _PYTHON_TRACEBACK.search(stderr[-STACK_CHARACTERS:]) or not lines[-2:-1] or not lines[-2].startswith(" "):
        return None
    return found[1], lines[-1].strip()


def _node_exception(lines: list[str]) -> tuple[str, str]:
    # Above its version Node prints the error's line and then the stack; a thrown value that is no error has a sentence instead.
    for line in reversed(lines[:-1]):
        found = _NODE_ERROR.match(line)
        if found is not None:
            return found[1], line
    return "Error", next((line.strip() for line in reversed(lines[:-1]) if not line.startswith((" ", "}", "("))), lines[-1])
