"""When a job is stuck: each cause a rule with a name. What makes a row fall under which is in sql/time_is_up.sql, judged under the lock.

No rule goes by age. What an orchestrator was promised (its lease, the time to obey a cancel) must be over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from jobs.times import in_round_words


@dataclass(frozen=True)
class Rule:
    """
    Attributes:
        name: as in commands, runs and the detail of audit entries.
        cause: what it looks for, the numbers of the settings left open.
        effect: what then becomes of it, likewise.
        changes: it moves jobs; one that does not only tells of them (jobs/alerts.py).
    """

    name: str
    cause: str
    effect: str
    changes: bool = True

    @property
    def looks_for(self) -> str:
        """What, for people."""
        return _by_settings(self.cause)

    @property
    def outcome(self) -> str:
        """What then becomes of it, for people."""
        return _by_settings(self.effect)


RULES = (
    Rule(
        "unacknowledged",
        "A claim that ran out and was never acknowledged",
        "back to the queue; after {claim_losses} in a row failed, category system",
    ),
    Rule(
        "lease_lost",
        "A lease that ran out: its orchestrator gave no more sign of life",
        "a run has failed, category lease_lost, and is tried again while attempts are left, but not after {lease_losses} within "
        "{lease_losses_within}; "
        "a claim that was not started goes back to the queue",
    ),
    Rule("timeout", "A run past its timeout and the grace beyond it", "failed, category timeout, and tried again while attempts are left"),
    Rule("cancel_overdue", "A cancel that its holder did not obey in time, or could not", "cancelled by force"),
    Rule(
        "release_loop",
        "A claim that ran out and was acknowledged, of a job given back {releases_before} within {releases_within}",
        "failed, category system; so it does when its holder gives it back once more",
    ),
    Rule("orchestrator_offline", "An orchestrator that holds jobs and was not heard of", "told, nothing is changed", changes=False),
    Rule("unroutable", "Due jobs that no live orchestrator takes", "told, nothing is changed", changes=False),
)


def _by_settings(text: str) -> str:
    before = settings.RELEASES_ALLOWED - 1
    return text.format(
        claim_losses=settings.CLAIM_LOSSES_ALLOWED,
        lease_losses=settings.LEASE_LOSSES_ALLOWED,
        lease_losses_within=in_round_words(settings.LEASE_LOSSES_WITHIN_SECONDS),
        releases_before="once" if before == 1 else f"{before} times",
        releases_within=in_round_words(settings.RELEASES_WITHIN_SECONDS),
    )


def threshold(rule: str) -> str:
    """From when on a rule of this name applies, in words, by the settings."""
    told = in_round_words
    return {
        "unacknowledged": f"{told(settings.CLAIM_LEASE_SECONDS)} to acknowledge; {settings.CLAIM_LOSSES_ALLOWED} in a row",
        "lease_lost": f"{told(settings.HEARTBEAT_LEASE_SECONDS)} from one heartbeat; "
        f"{settings.LEASE_LOSSES_ALLOWED} within {told(settings.LEASE_LOSSES_WITHIN_SECONDS)}",
        "timeout": f"the job's own timeout and {told(settings.TIMEOUT_GRACE_SECONDS)}",
        "cancel_overdue": f"{told(settings.CANCEL_GRACE_SECONDS)} to obey",
        "release_loop": f"{settings.RELEASES_ALLOWED} within {told(settings.RELEASES_WITHIN_SECONDS)}",
        "orchestrator_offline": f"silent for {told(settings.OFFLINE_SECONDS)}",
        "unroutable": f"due for {told(settings.UNROUTABLE_SECONDS)}",
    }[rule]


NAMES = tuple(rule.name for rule in RULES)
CHANGING = tuple(rule.name for rule in RULES if rule.changes)


@dataclass(frozen=True, kw_only=True)
class Narrowing:
    """Which of the stuck jobs are meant. It only ever leaves some out: what is not stuck without it is not stuck with it.

    Attributes:
        rules: names.
        older_than: stuck for as long as this, counted from when their lease or their grace was over.
        job_types: of these types; none named: of all.
        orchestrators: held by these; none named: by whomever.
    """

    rules: Sequence[str] = NAMES
    older_than: timedelta = timedelta()
    job_types: Sequence[str] = ()
    orchestrators: Sequence[str] = ()

    def parameters(self, *, limit: int | None = None, running_ended_by: str = "infinity") -> dict[str, object]:
        """What sql/time_is_up.sql asks for.

        Args:
            limit: at most so many jobs; None: all.
            running_ended_by: only running leases that ran out until then; a time as PostgreSQL writes it.
        """
        return {
            "rules": [name for name in self.rules if name in CHANGING],
            "older_than": self.older_than.total_seconds(),
            "job_types": list(self.job_types) or None,
            "orchestrators": list(self.orchestrators) or None,
            "limit": limit,
            "running_ended_by": running_ended_by,
            "cancel_grace": settings.CANCEL_GRACE_SECONDS,
            "timeout_grace": settings.TIMEOUT_GRACE_SECONDS,
            "claim_losses_allowed": settings.CLAIM_LOSSES_ALLOWED,
            "releases_allowed": settings.RELEASES_ALLOWED,
            "releases_within": settings.RELEASES_WITHIN_SECONDS,
        }


EVERYTHING = Narrowing()
