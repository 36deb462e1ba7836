"""What a rule is, and what can be found about it."""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orchestrator.conformance.record import Record
from orchestrator.conformance.stage import Scenario

MOST_EVIDENCE = 3


class Verdict(enum.Enum):
    """The last two say that nothing was seen to judge by: `NOT_SEEN` should have been, and counts as a failure."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    NOT_SEEN = "not seen"
    NOT_APPLICABLE = "n/a"

    @property
    def counts_as_failure(self) -> bool:
        return self in (Verdict.FAIL, Verdict.NOT_SEEN)


class NotSeen(Exception):
    """The orchestrator never came to what the rule is about; says what was waited for."""


class NotApplicable(Exception):
    """The rule is not about this orchestrator, or not about this run; says why."""


@dataclass(frozen=True)
class Rule:
    """
    Attributes:
        id: by which it is chosen and named.
        section: of the contract, where it comes from.
        demand: what an orchestrator must do, in one sentence.
        mend: what to change in one that does not.
        scenarios: what provokes it.
        judge: the evidence against; raises NotSeen or NotApplicable.
    """

    id: str
    section: int
    demand: str
    mend: str
    scenarios: tuple[Scenario, ...]
    judge: Callable[[Record], Iterable[str]]


@dataclass(frozen=True)
class Finding:
    """What was found about a rule: `seen` is evidence against it, or why there is none."""

    rule: Rule
    verdict: Verdict
    seen: tuple[str, ...] = ()


def rule(id: str, *scenarios: Scenario, section: int, demand: str, mend: str) -> Callable[[Callable[[Record], Iterable[str]]], Rule]:
    """Make a rule of the function that judges it."""
    return lambda judge: Rule(id, section, demand, mend, scenarios, judge)


def find(rule: Rule, record: Record) -> Finding:
    """Judge one rule."""
    evidence: list[str] = []
    try:
        for seen in rule.judge(record):
            evidence.append(seen)
    except NotSeen as reason:
        # Half of what it is about may have been seen, and that was wrong.
        if not evidence:
            return Finding(rule, Verdict.NOT_SEEN, (str(reason),))
    except NotApplicable as reason:
        return Finding(rule, Verdict.NOT_APPLICABLE, (str(reason),))
    if len(evidence) > MOST_EVIDENCE:
        evidence = [*evidence[:MOST_EVIDENCE], f"and {len(evidence) - MOST_EVIDENCE} more like these"]
    return Finding(rule, Verdict.FAIL if evidence else Verdict.PASS, tuple(evidence))
