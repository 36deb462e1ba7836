"""What each demo job does and what must become of it."""

from dataclasses import dataclass, field
from typing import Any

from jobs.lifecycle import Status

TYPE = "demo"
# Claimed and reported by the enqueueing command itself, so a type of its own.
CONTAINER_TYPE = "demo.container"

_RUN = ("enqueue", "claim", "acknowledge", "start")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """
    Attributes:
        key: stands in the job's metadata as `demo`.
        title: what it shows, for people.
        script: what runs; None for the one that no orchestrator of ours runs.
        status, exit_code, category, error: what the job must end with; `error` is a part of `last_error`.
        actions: the audit entries it must have, in order; those of claims that were given back don't count.
        attempts: failed attempts it must count.
        output: a part of stdout or stderr that the result must hold.
        needs: an interpreter that may be missing where the orchestrator runs.
        least_seconds: how long the last run takes at least.
        delay_seconds: how long after the creation it is scheduled.
    """

    key: str
    title: str
    script: str | None = None
    language: str = "BASH"
    status: Status = Status.COMPLETED
    exit_code: int | None = 0
    category: str | None = None
    error: str | None = None
    actions: tuple[str, ...] = (*_RUN, "complete")
    attempts: int = 0
    output: str | None = None
    needs: str | None = None
    least_seconds: float = 0
    delay_seconds: int = 0
    priority: int = 50
    max_attempts: int = 1
    timeout_seconds: int = 120
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, Any]:
        if self.script is None:
            return {"container": {"image": "registry.example/report:7", "command": ["render"]}}
        return {"script": {"type": self.language, "content": self.script}, "environment": self.environment}


def _failing(**facts: Any) -> Scenario:
    """A scenario that ends failed at its first attempt, unless its facts say otherwise."""
    return Scenario(**{"status": Status.FAILED, "attempts": 1, "actions": (*_RUN, "fail"), **facts})


SCENARIOS = (
    Scenario(key="success", title="Succeeds", script='echo "all 128 rows imported"\n', output="128 rows"),
    _failing(
        key="failure",
        title="Fails with exit code 1",
        script='echo "reading orders.csv"\necho "orders.csv: line 17 has 3 columns, 5 expected" >&2\nexit 1\n',
        exit_code=1,
        category="exit_code",
        error="line 17",
        output="reading orders.csv",
    ),
    _failing(
        key="python-exception",
        title="Unhandled exception in Python",
        language="PYTHON",
        script='def total(rows):\n    return sum(row["amount"] for row in rows)\n\n\nprint("summing up")\ntotal([{"amount": 3}, {}])\n',
        exit_code=1,
        category="exception",
        error="KeyError",
        output="Traceback",
    ),
    _failing(
        key="node-exception",
        title="Unhandled exception in Node",
        language="NODEJS",
        script='console.log("connecting");\nthrow new TypeError("settings.host is undefined");\n',
        exit_code=1,
        category="exception",
        error="TypeError",
        output="connecting",
        needs="node",
    ),
    Scenario(
        key="long-run",
        title="Runs for a while and tells its progress",
        script='for percent in 20 40 60 80 100; do\n  echo "JOBSITE_PROGRESS $percent step $((percent / 20)) of 5"\n  sleep 1.5\ndone\n',
        least_seconds=6,
        output="step 5 of 5",
    ),
    _failing(key="immediate-failure", title="Fails at once", script="exit 3\n", exit_code=3, category="exit_code", error="3"),
    _failing(
        key="mixed-output",
        title="Writes to stdout and stderr, then fails",
        script='for n in 1 2 3; do\n  echo "out $n"\n  echo "warn $n" >&2\ndone\necho "giving up after 3 warnings" >&2\nexit 2\n',
        exit_code=2,
        category="exit_code",
        error="giving up",
        output="out 3",
    ),
    Scenario(
        key="sigterm-caught",
        title="Catches SIGTERM and ends well",
        script="trap 'echo \"SIGTERM caught, tidied up\"; exit 0' TERM\nkill -TERM $$\nsleep 5\nexit 1\n",
        output="tidied up",
    ),
    _failing(
        key="killed",
        title="Killed by a signal",
        script='echo "about to be killed"\nkill -KILL $$\n',
        exit_code=-9,
        category="signal",
        error="9",
    ),
    _failing(
        key="timeout",
        title="Runs into its timeout",
        script='echo "waiting for an answer that never comes"\nsleep 600\n',
        timeout_seconds=2,
        exit_code=-1,
        category="timeout",
        error="imed out",
        least_seconds=2,
    ),
    Scenario(
        key="third-time-lucky",
        title="Fails twice, succeeds at the third attempt",
        script='echo "attempt $JOBSITE_ATTEMPT"\nif [ "$JOBSITE_ATTEMPT" -lt 3 ]; then echo "the mirror is busy" >&2; exit 75; fi\n',
        max_attempts=3,
        attempts=2,
        actions=(*_RUN, "fail", "retry", *_RUN[1:], "fail", "retry", *_RUN[1:], "complete"),
        output="attempt 3",
    ),
    Scenario(key="scheduled", title="Scheduled in 10 seconds", script='echo "right on time"\n', delay_seconds=10, output="on time"),
    Scenario(key="high-priority", title="High priority", script='echo "first in line"\n', priority=90, output="first in line"),
    Scenario(
        key="cancelled",
        title="Cancelled while it runs",
        script='echo "this will take an hour"\nsleep 3600\n',
        timeout_seconds=3600,
        status=Status.CANCELLED,
        exit_code=None,
        actions=(*_RUN, "cancel_request", "cancel"),
    ),
    _failing(
        key="container",
        title="Container failure, reported through the API",
        exit_code=125,
        category="container",
        error="pull access denied",
        actions=("enqueue", "claim", "start", "fail"),
    ),
)
