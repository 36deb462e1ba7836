"""What a monitor is told: one line with a verdict, numbers after a bar (monitoring-plugins.org, development guidelines)."""

from dataclasses import dataclass

from jobs import times, watch
from jobs.alerts import alerts
from jobs.rules import EVERYTHING, RULES, Narrowing
from jobs.sweeps import Stuck, stuck

OK, WARNING, CRITICAL, UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


@dataclass(frozen=True)
class Verdict:
    """
    Attributes:
        code: the exit code of a plugin: OK, WARNING, CRITICAL or UNKNOWN.
        says: for people.
        figures: for graphs, as `name=value;warning;critical;least`.
    """

    code: int
    says: str
    figures: str

    def __str__(self) -> str:
        return f"STUCK JOBS {_WORDS[self.code]} - {self.says} | {self.figures}"


def check_stuck(narrowing: Narrowing = EVERYTHING, *, warning: int, critical: int) -> Verdict:
    """Counts what is stuck by any rule, those that only tell included; changes nothing.

    Args:
        warning: from so many jobs.
        critical: from so many; not less than warning.
    """
    found = stuck(narrowing) | _told(narrowing)
    total = sum(one.jobs for one in found.values())
    oldest = max((times.now() - one.since).total_seconds() for one in found.values()) if found else 0
    kinds = [f"{found[rule.name].jobs} {rule.name}" for rule in RULES if rule.name in found]
    says = f"{total} stuck: {', '.join(kinds)}; the first for {max(0, oldest):.0f} s" if found else "no job is stuck"
    if brake := watch.brake():
        says += f"; the brake holds: {brake.reason}"
    figures = [f"stuck={total};{warning};{critical};0", f"oldest={max(0, oldest):.0f}s;;;0"]
    figures += [f"{rule.name}={found[rule.name].jobs if rule.name in found else 0};;;0" for rule in RULES if rule.name in narrowing.rules]
    code = CRITICAL if total >= critical else WARNING if total >= warning else OK
    return Verdict(code, says, " ".join(figures))


def _told(narrowing: Narrowing) -> dict[str, Stuck]:
    told: dict[str, Stuck] = {}
    # Neither is stuck by a time of its own, nor is it known of which types: narrowed so, nothing is left of them.
    if narrowing.job_types or narrowing.orchestrators:
        return told
    for alert in alerts(narrowing.rules):
        if times.now() - alert.since >= narrowing.older_than:
            before = told.get(alert.rule, Stuck(0, alert.since))
            told[alert.rule] = Stuck(before.jobs + alert.jobs, min(before.since, alert.since))
    return told
