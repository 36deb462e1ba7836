"""What the seeded jobs are about: a dozen types as a company has them, how long they take, and in which ways they fail."""

from dataclasses import dataclass
from typing import Any

from jobs.outcomes import Report


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A way in which jobs of a type fail.

    Attributes:
        words: of the error, with `{n}` for a number that differs from one failure to the next.
        share: of the type's failures.
        seconds: how long it runs until then; None: as long as any other.
    """

    words: str
    share: int
    exit_code: int = 1
    category: str | None = None
    kind: str | None = None
    stack: str | None = None
    seconds: float | None = None

    def report(self, number: int) -> Report:
        """What the holder says of it."""
        said = {"message": self.words.format(n=number), "type": self.kind, "stack": self.stack}
        return Report(
            status="failed",
            exit_code=self.exit_code,
            error={name: text for name, text in said.items() if text},
            category=self.category,
            output={"stdout": f"item {number}\n", "stderr": f"{self.words.format(n=number)}\n"},
        )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type of job.

    Attributes:
        share: of all jobs.
        payload: with `{n}` in its texts for what differs.
        seconds: the median of how long it runs.
        failing: the share of its runs that fail.
        max_attempts: of each of its jobs.
    """

    name: str
    share: int
    payload: dict[str, Any]
    seconds: float
    failing: float
    faults: tuple[Fault, ...]
    max_attempts: int = 1
    timeout_seconds: int = 3600


TIMED_OUT = Fault(
    words="Timed out after 900 s: the renderer at 10.3.0.{n} did not answer", share=6, exit_code=-1, category="timeout", seconds=900
)
_PYTHON = (
    'Traceback (most recent call last):\n  File "/srv/jobs/imports.py", line 88, in read_rows\n    row = parse(line)\n'
    '  File "/srv/jobs/rows.py", line 41, in parse\n    return Row(*parts)\nTypeError: Row() takes 5 positional arguments but 3 were given'
)
_REFUSED = Fault(words="connect to 10.0.4.{n}:5432: connection refused", share=5, category="network", exit_code=75)
_MEMORY = Fault(words="Killed: the container used more than 2048 MiB", share=3, exit_code=137)
KINDS = (
    Kind(
        name="report.render",
        share=18,
        payload={"template": "monthly", "customer": "c-{n}", "format": "pdf"},
        seconds=42,
        failing=0.05,
        max_attempts=3,
        timeout_seconds=900,
        faults=(TIMED_OUT, _MEMORY, Fault(words='font "Inter {n}" is not installed', share=2, exit_code=2)),
    ),
    Kind(
        name="email.send",
        share=24,
        payload={"to": "customer-{n}@example.org", "template": "invoice", "smtp_password": "s3cret-{n}"},
        seconds=1.4,
        failing=0.05,
        max_attempts=3,
        faults=(
            Fault(words="421 4.7.0 too many connections from 10.0.9.{n}", share=6, category="network", exit_code=75),
            Fault(words="550 5.1.1 <customer-{n}@example.org>: mailbox unavailable", share=4, exit_code=1),
        ),
    ),
    Kind(
        name="import.orders",
        share=12,
        payload={"file": "orders-{n}.csv", "shop": "eu-{n}"},
        seconds=18,
        failing=0.14,
        max_attempts=2,
        faults=(
            Fault(words="TypeError: Row() takes 5 positional arguments but 3 were given", share=5, kind="TypeError", stack=_PYTHON),
            Fault(words="orders-{n}.csv: line {n} has 3 columns, 5 expected", share=4),
            _REFUSED,
        ),
    ),
    Kind(
        name="image.resize",
        share=16,
        payload={"image": "uploads/{n}.jpg", "sizes": [320, 960, 1920]},
        seconds=3,
        failing=0.04,
        faults=(Fault(words="cannot identify image file 'uploads/{n}.jpg'", share=4, kind="UnidentifiedImageError"), _MEMORY),
    ),
    Kind(
        name="search.reindex",
        share=6,
        payload={"index": "products", "shard": "{n}"},
        seconds=130,
        failing=0.03,
        max_attempts=2,
        faults=(Fault(words="shard {n}: 503 Service Unavailable", share=5, category="network", exit_code=75), _MEMORY),
    ),
    Kind(
        name="billing.charge",
        share=7,
        payload={"invoice": "inv-{n}", "amount": "129.00", "api_token": "tok_{n}"},
        seconds=2.2,
        failing=0.09,
        faults=(
            Fault(words="card_declined: insufficient funds on invoice inv-{n}", share=7, exit_code=3),
            Fault(words="HTTP 502 from the payment gateway, request {n}", share=2, category="network", exit_code=75),
        ),
    ),
    Kind(
        name="backup.database",
        share=1,
        payload={"database": "shop-{n}", "bucket": "s3://backups/{n}"},
        seconds=600,
        failing=0.04,
        timeout_seconds=7200,
        faults=(Fault(words="pg_dump: error: query failed: server closed the connection unexpectedly", share=3), _REFUSED),
    ),
    Kind(
        name="webhook.notify",
        share=8,
        payload={"url": "https://partner-{n}.example/hook", "event": "order.paid"},
        seconds=0.6,
        failing=0.10,
        max_attempts=3,
        faults=(
            Fault(words="POST https://partner-{n}.example/hook: 500 Internal Server Error", share=5, category="network", exit_code=75),
            Fault(words="getaddrinfo ENOTFOUND partner-{n}.example", share=3, kind="Error", category="network"),
        ),
    ),
    Kind(
        name="video.transcode",
        share=2,
        payload={"source": "raw/{n}.mov", "profile": "h264-1080p"},
        seconds=480,
        failing=0.12,
        timeout_seconds=5400,
        faults=(Fault(words="ffmpeg: Invalid data found when processing input raw/{n}.mov", share=4, exit_code=69), _MEMORY),
    ),
    Kind(
        name="ledger.close-day",
        share=1,
        payload={"day": "day-{n}", "entity": "DE"},
        seconds=75,
        failing=0.02,
        faults=(Fault(words="the books differ by 0.{n} EUR", share=1, exit_code=4),),
    ),
    Kind(
        name="cache.warm",
        share=4,
        payload={"region": "eu-{n}"},
        seconds=9,
        failing=0.01,
        faults=(_REFUSED,),
    ),
    Kind(
        name="ml.score",
        share=1,
        payload={"model": "churn-7", "batch": "{n}"},
        seconds=55,
        failing=0.05,
        max_attempts=2,
        faults=(Fault(words="CUDA out of memory: tried to allocate {n} MiB", share=3, exit_code=1, kind="RuntimeError"), _MEMORY),
    ),
)
ORCHESTRATORS = (
    "orch-ber-1",
    "orch-ber-2",
    "orch-ber-3",
    "orch-fra-1",
    "orch-fra-2",
    "orch-ams-1",
    "orch-ams-2-with-a-rather-long-name.internal.example",
    "orch-old-1",
)
# These have not been heard of for a while.
SILENT = ORCHESTRATORS[-1:]
PRODUCERS = ("shop", "crm", "scheduler", "service")
