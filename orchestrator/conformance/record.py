"""What was said during a run, asked for by meaning: the evidence that rules are judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.conformance.site.jobs import Job
from orchestrator.conformance.site.requests import Exchange, Json, Report, Request


@dataclass(frozen=True)
class Saying:
    """One report on one job, with its own answer, whether it came alone or in a batch.

    Attributes:
        status: of its answer; None when there was none.
        told: its answer; {} when there was none.
    """

    report: Report
    exchange: Exchange
    status: int | None
    told: Json

    @property
    def at(self) -> float:
        return self.exchange.request.at

    @property
    def answered_at(self) -> float:
        return self.exchange.answered_at

    @property
    def error(self) -> Json:
        """`code`, `details` … of a refusal; {} otherwise."""
        error = self.told.get("error")
        return error if isinstance(error, dict) else {}

    @property
    def next_action(self) -> str | None:
        """What the answer, or the error, tells the caller to do."""
        action = self.told.get("nextAction") or (self.error.get("details") or {}).get("nextAction")
        return action if isinstance(action, str) else None

    def is_same_as(self, other: "Saying") -> bool:
        """Whether it says the same, word for word, but for its time and token."""
        return self.report.job_id == other.report.job_id and (self.report.operation, self.report.body) == (
            other.report.operation,
            other.report.body,
        )


@dataclass(frozen=True)
class Record:
    """
    Attributes:
        exchanges: in the order of their requests.
        jobs: the kit's jobs, by the part they play.
        marks: moments that scenarios noted, on the monotonic clock.
        began: when the run did.
        heartbeat_seconds, patience_seconds: as the orchestrator was told, and as it was given.
        default_payloads: whether the kit knows what its jobs write.
        falls: each time that the program ended of itself; None if the kit did not start it, and so can't tell.
    """

    exchanges: Sequence[Exchange]
    jobs: Mapping[str, Job]
    marks: Mapping[str, float]
    began: float
    heartbeat_seconds: int
    patience_seconds: float
    default_payloads: bool = True
    falls: Sequence[str] | None = None
    sayings: Sequence[Saying] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sayings", [saying for exchange in self.exchanges for saying in sayings_of(exchange)])

    def said_of(self, job: Job, *meanings: str) -> list[Saying]:
        """The reports on one job, in order; all of them, or those that mean one of these."""
        return [saying for saying in self.sayings if saying.report.job_id == job.id and (not meanings or saying.report.meaning in meanings)]

    def asked(self, meaning: str) -> list[Exchange]:
        """The exchanges that mean orphaned, heartbeat …"""
        return [exchange for exchange in self.exchanges if exchange.request.meaning == meaning]

    def claims(self) -> list[Exchange]:
        """The exchanges that claim, alone or with a batch of reports."""
        return [exchange for exchange in self.exchanges if exchange.request.claim is not None]

    def later(self, saying: Saying) -> list[Saying]:
        """The reports on the same job that came after one, log lines apart."""
        return [
            each
            for each in self.sayings
            if each.report.job_id == saying.report.job_id and each.at > saying.at and each.report.meaning != "logs"
        ]

    def handed(self) -> list[tuple[Job, str, Exchange]]:
        """Each job that a claim's answer brought, with its lease token, once for each time it was handed out."""
        by_id = {job.id: job for job in self.jobs.values()}
        return [
            (by_id[each["id"]], each["lease"]["token"], exchange)
            for exchange in self.claims()
            if exchange.status == 200
            for each in exchange.handed
            if each["id"] in by_id
        ]

    def when(self, moment: float) -> str:
        """A moment as people read it: seconds since the run began."""
        return f"{moment - self.began:.1f} s"

    def name(self, spoken: Saying | Exchange | Request) -> str:
        """A request and when it came."""
        exchange = spoken.exchange if isinstance(spoken, Saying) else spoken
        request = exchange.request if isinstance(exchange, Exchange) else exchange
        return f"{request.name} at {self.when(request.at)}"


def named_in(heartbeat: Exchange) -> dict[str, str | None]:
    """The jobs that a heartbeat names, each with its lease token, if it sends one."""
    named: dict[str, str | None] = {}
    for each in heartbeat.request.fields.get("runningJobs") or ():
        if isinstance(each, dict):
            named[str(each.get("jobId"))] = each.get("leaseToken")
        else:
            named[str(each)] = None
    return named


def sayings_of(exchange: Exchange) -> list[Saying]:
    """The reports of one request, each with its own answer."""
    told = exchange.told if isinstance(exchange.told, dict) else {}
    reports = exchange.request.reports
    if exchange.request.meaning != "batch":
        return [Saying(report, exchange, exchange.status, told) for report in reports]
    results = told.get("results") or [{}] * len(reports)
    return [Saying(report, exchange, _status_of(result, exchange.status), result) for report, result in zip(reports, results, strict=False)]


def _status_of(result: Json, status: int | None) -> int | None:
    return status if not result or result.get("ok") else 409
