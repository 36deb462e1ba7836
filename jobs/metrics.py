"""What Prometheus is told, each figure read from the database at the time of asking, so that any number of processes say the same.

Counters and histograms come from the figures that the sweep loop folds from the audit log (jobs/rollup.py): since ever, each change once.
So does the number of jobs in each status.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

import jobs
from jobs import rollup, statements
from jobs.alerts import alerts
from jobs.lifecycle import Status
from jobs.rules import RULES
from jobs.sweeps import stuck
from jobs.timing import Wait

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Types told apart, by name; further ones are told together. A label with any number of values is what ends a Prometheus.
MOST_TYPES = 200
OTHER_TYPES = "_other"
# Bounds of how long jobs are in a state, as powers of two microseconds: from a millisecond to six days, each four times the one before.
_POWERS = range(10, 40, 2)
_LATEST_CHANGES = 1000


class OverSQL(Collector):
    """All there is to tell."""

    def describe(self) -> Iterable[Metric]:
        """Nothing: to be registered, it must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("jobsite", "The installation.", {"version": jobs.__version__})
        yield _jobs()
        yield from _changes()
        yield _time_in_state()
        yield _oldest()
        yield _stuck()
        yield from _watch()
        yield _report_lag()
        yield GaugeMetricFamily("jobsite_figures_lag_seconds", "Age of the oldest change that is not counted yet.", rollup.lag_seconds())


def told() -> bytes:
    """Everything, in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(OverSQL())
    return generate_latest(registry)


class _Types:
    """Names of types as labels: as many as may be told apart, in the order in which they come."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def label(self, name: str) -> str:
        if name in self._known or len(self._known) < MOST_TYPES:
            self._known.add(name)
            return name
        return OTHER_TYPES


def _jobs() -> GaugeMetricFamily:
    family = GaugeMetricFamily("jobsite_jobs", "Jobs in each status.", labels=["type", "status"])
    types, counts = _Types(), Counter[tuple[str, ...]]()
    for name, by_status in rollup.job_counts().items():
        label = types.label(name)
        counts.update({(label, status.value): by_status.get(status, 0) for status in Status})
    _fill(family, counts)
    return family


def _changes() -> Iterator[CounterMetricFamily]:
    transitions = CounterMetricFamily("jobsite_transitions", "Changes of status; from none: enqueued.", labels=["type", "from", "to"])
    failures = CounterMetricFamily("jobsite_failures", "Runs that failed, also those tried again.", labels=["type", "category"])
    types, moved_jobs, failed_runs = _Types(), Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for moved in rollup.moves():
        label = types.label(moved.type)
        moved_jobs[label, moved.from_status or "none", moved.to_status] += moved.jobs
        if moved.category:
            failed_runs[label, moved.category] += moved.jobs
    _fill(transitions, moved_jobs)
    _fill(failures, failed_runs)
    yield transitions
    yield failures


def _time_in_state() -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "jobsite_time_in_state_seconds",
        "How long jobs were in a state, of those that left it. Of queued ones: from when they were due to the claim.",
        labels=["state"],
    )
    buckets: dict[str, Counter[int]] = {state: Counter() for state in (*Status, *Wait)}
    microseconds = Counter[str]()
    for spread in rollup.spreads():
        buckets[spread.state].update(spread.buckets)
        microseconds[spread.state] += spread.microseconds
    for state, counts in buckets.items():
        if counts:
            family.add_metric([state], _cumulative(counts), microseconds[state] / 1e6)
    return family


def _cumulative(buckets: Counter[int]) -> list[tuple[str, float]]:
    """How many were not longer than each bound. (No bucket lies across one: those are powers of two as well.)"""
    ends = [(str(2**power / 1e6), _below(buckets, power * rollup.BUCKETS_TO_A_DOUBLING)) for power in _POWERS]
    return [*ends, ("+Inf", buckets.total())]


def _below(buckets: Counter[int], end: int) -> int:
    return sum(count for bucket, count in buckets.items() if bucket < end)


def _oldest() -> GaugeMetricFamily:
    family = GaugeMetricFamily("jobsite_queue_oldest_seconds", "How long the first due job of a type has been waiting.", labels=["type"])
    types, ages = _Types(), dict[tuple[str, ...], float]()
    for row in statements.run("heads", "queue_ages"):
        label = (types.label(row["type"]),)
        ages[label] = max(ages.get(label, 0.0), row["seconds"])
    _fill(family, ages)
    return family


def _stuck() -> GaugeMetricFamily:
    family = GaugeMetricFamily("jobsite_stuck_jobs", "Jobs that are stuck by a rule, as check_stuck_jobs counts them.", labels=["rule"])
    found = Counter({name: one.jobs for name, one in stuck().items()})
    for alert in alerts():
        found[alert.rule] += alert.jobs
    _fill(family, {(rule.name,): found[rule.name] for rule in RULES})
    return family


def _watch() -> Iterator[GaugeMetricFamily]:
    rows = statements.run("watched")
    up, brake = (rows[0]["sweeper_is_up"], rows[0]["brake_holds"]) if rows else (None, False)
    yield GaugeMetricFamily("jobsite_sweeper_up", "1 while a sweep loop keeps its promise to be back.", float(bool(up)))
    yield GaugeMetricFamily("jobsite_brake_holds", "1 while no sweep ends a run whose lease has run out.", float(bool(brake)))


def _report_lag() -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "jobsite_report_lag_seconds",
        f"How long that share of reports was under way at most, by the time they state; of the latest {_LATEST_CHANGES} changes.",
        labels=["share"],
    )
    (row,) = statements.run("report_lag", latest=_LATEST_CHANGES)
    shares = {"0.5": row["p50"], "0.95": row["p95"], "1": row["p100"]}
    _fill(family, {(share,): math.nan if seconds is None else seconds for share, seconds in shares.items()})
    return family


def _fill(family: GaugeMetricFamily | CounterMetricFamily, values: "dict[tuple[str, ...], float] | Counter[tuple[str, ...]]") -> None:
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
