"""What somebody ought to look at now, in one strip: trouble first."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.alerts import Alert
from jobs.flows import Failed
from jobs.lifecycle import Status
from jobs.links import jobs_where
from jobs.rules import RULES
from jobs.stuck_jobs import StuckJobs
from jobs.sweep_runs import SweepState
from jobs.templatetags.jobs import ago, spaced
from jobs.watch import Brake

_RULES = {rule.name: rule for rule in RULES}


@dataclass(frozen=True)
class Concern:
    """
    Attributes:
        number: what stands large; may be a word.
        words: what it counts.
        detail: in a line.
        tone: of trouble; empty when all is well.
        icon: of trouble.
        url: where one sees more.
    """

    number: str
    words: str
    detail: str
    url: str
    tone: str = ""
    icon: str = "check"


def stuck_concern(stuck: StuckJobs) -> Concern:
    if not stuck.total:
        return Concern("0", "stuck jobs", "every lease and every cancel is in time", "#stuck")
    detail = ", ".join(f"{count} {spaced(name)}" for name, count in stuck.by_rule.items())
    return Concern(f"{stuck.total:,}", _counted(stuck.total, "stuck job"), detail, "#stuck", "s-warn", "clock")


def failed_concern(failed: Failed) -> Concern:
    usual = failed.usually_in_an_hour
    detail = usually(usual) or "what is usual is not known yet"
    calm = Concern(f"{failed.in_the_last_hour:,}", "failed in the last hour", detail, reverse("pages:failures"))
    if usual is None or failed.in_the_last_hour <= _most_by_chance(usual):
        return calm
    return Concern(calm.number, calm.words, calm.detail, calm.url, "s-failed", "alert")


def silent_concern(alerts: Iterable[Alert]) -> Concern:
    silent = [alert for alert in alerts if alert.rule == "orchestrator_offline"]
    if not silent:
        return Concern("0", "silent orchestrators", "all that hold jobs were heard of", reverse("pages:fleet"))
    jobs = sum(alert.jobs for alert in silent)
    first, more = silent[0], f", and {len(silent) - 1} more" if silent[1:] else ""
    detail = format_html("{}, {}{}; {} held", first.subject, ago(first.since), more, f"{jobs:,} {_counted(jobs, 'job')}")
    url = reverse("pages:orchestrator", args=[first.subject]) if len(silent) == 1 else reverse("pages:fleet")
    return Concern(str(len(silent)), _counted(len(silent), "silent orchestrator"), detail, url, "s-warn", "offline")


def sweep_concern(sweep: SweepState) -> Concern:
    known: str = SafeString("nothing is written down yet")
    if sweep.at:
        done = f"moved {sweep.moved:,} {_counted(sweep.moved or 0, 'job')}" if sweep.moved else "found nothing to move"
        known = format_html("{} {} {}", "it last" if sweep.by == "sweep" else f"last one by {sweep.by}:", done, ago(sweep.at))
    if sweep.is_overdue:
        return Concern("Sweeper", "is away", known, reverse("pages:sweeps"), "s-failed", "alert")
    if not sweep.is_promised:
        return Concern("No", "sweep loop", known, reverse("pages:sweeps"), "s-warn", "alert")
    return Concern("Sweeper", "on time", known, reverse("pages:sweeps"))


def unroutable_concern(alerts: Iterable[Alert]) -> Concern | None:
    """None when every job has somebody who takes it."""
    lost = [alert for alert in alerts if alert.rule == "unroutable"]
    if not lost:
        return None
    jobs = sum(alert.jobs for alert in lost)
    more = f", and {len(lost) - 1} more" if lost[1:] else ""
    detail = format_html("{}{}, since {}", lost[0].subject, more, ago(lost[0].since))
    return Concern(f"{jobs:,}", "queued that nobody takes", detail, jobs_where(status=Status.QUEUED.value), "s-warn", "alert")


def brake_concern(brake: Brake | None) -> Concern | None:
    """None when it does not hold."""
    if not brake:
        return None
    return Concern(f"{brake.kept:,}", "kept by the brake", brake.reason, reverse("pages:sweeps"), "s-warn", "pause")


def in_order(concerns: Iterable[Concern | None]) -> list[Concern]:
    """Trouble first."""
    return sorted((concern for concern in concerns if concern), key=lambda concern: not concern.tone)


def usually(number: float | None) -> str:
    """`usually 15`; empty when that is not known."""
    if number is None:
        return ""
    return "usually none" if number == 0 else "usually under 1" if number < 0.5 else f"usually {round(number):,}"


def _most_by_chance(usual: float) -> float:
    """How many there may be without anything being the matter: three standard deviations of a Poisson distribution above, and a few."""
    return usual + 3 * math.sqrt(usual) + 2


def _counted(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"
