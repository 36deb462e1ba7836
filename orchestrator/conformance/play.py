"""Plays the scenarios that the chosen rules need, to one orchestrator, and judges it by what was said."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.conformance.judging import Finding, Rule, find
from orchestrator.conformance.record import Record
from orchestrator.conformance.rules.claims import left_behind
from orchestrator.conformance.stage import DEFAULT_PAYLOADS, Scenario, Stage


class NobodyCame(Exception):
    """No orchestrator spoke within the time given."""


@dataclass(frozen=True)
class Run:
    """What came of it: `orchestrator_id` is None when nobody ever said who they are."""

    orchestrator_id: str | None
    findings: Sequence[Finding]
    seconds: float


def scenarios_of(rules: Sequence[Rule]) -> list[Scenario]:
    """What has to happen for these rules, in the order of the rules, each once."""
    return list(dict.fromkeys(scenario for rule in rules for scenario in rule.scenarios))


def prepare(stage: Stage, rules: Sequence[Rule]) -> None:
    """What must be there before anybody speaks."""
    if left_behind in scenarios_of(rules):
        stage.site.left_behind.append(stage.enqueue("left-behind", "ok"))


def play(stage: Stage, rules: Sequence[Rule], *, connect_seconds: float, on_scenario: Callable[[Scenario], None] = lambda _: None) -> Run:
    """Play to the orchestrator that is there, or will be within `connect_seconds`.

    Args:
        on_scenario: told of each scenario when it begins.

    Raises:
        NobodyCame: none was.
    """
    if not stage.until(lambda: stage.site.exchanges, seconds=connect_seconds):
        raise NobodyCame
    began = stage.site.exchanges[0].request.at
    for scenario in scenarios_of(rules):
        on_scenario(scenario)
        scenario.play(stage)
        _start_again(stage, scenario)
    record = _record_of(stage, began)
    return Run(next(iter(stage.site.met), None), [find(rule, record) for rule in rules], time.monotonic() - began)


def _start_again(stage: Stage, scenario: Scenario) -> None:
    # One bug must not hide the others: what falls is noted, and helped up.
    if stage.program is None or not stage.program.has_ended or "terminated" in stage.marks:
        return
    stage.falls.append(f"exit code {stage.program.exit_code} while: {scenario.happens}")
    seen = len(stage.site.exchanges)
    stage.program.start()
    stage.until(lambda: len(stage.site.exchanges) > seen)


def _record_of(stage: Stage, began: float) -> Record:
    with stage.site.changed:
        return Record(
            exchanges=list(stage.site.exchanges),
            jobs=dict(stage.cast),
            marks=dict(stage.marks),
            began=began,
            heartbeat_seconds=stage.heartbeat_seconds,
            patience_seconds=stage.patience_seconds,
            default_payloads=all(stage.payloads[name] == DEFAULT_PAYLOADS[name] for name in ("ok", "fail")),
            falls=None if stage.program is None else list(stage.falls),
        )
