"""Holds what became of the demo jobs against what should have become of them, fact by fact."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from jobs import lifecycle
from jobs.demo.scenarios import SCENARIOS, Scenario
from jobs.demo.staging import demo_jobs
from jobs.failures import Category
from jobs.lifecycle import Status, Verb
from jobs.models import Attempt, AuditEntry, Job


@dataclass(frozen=True)
class Finding:
    """
    Attributes:
        job: None when there is no job for the scenario.
        faults: every fact that is other than it should be, in words.
        note: why another end, or a longer way, is right here.
    """

    scenario: Scenario
    job: Job | None
    faults: list[str]
    note: str = ""


def findings() -> list[Finding]:
    """One for each scenario, in their order."""
    jobs = demo_jobs()
    return [_finding(scenario, jobs.get(scenario.key)) for scenario in SCENARIOS]


def _finding(scenario: Scenario, job: Job | None) -> Finding:
    if job is None:
        return Finding(scenario, None, ["there is no such job"])
    if not Status(job.status).is_terminal:
        return Finding(scenario, job, [f"not finished: {job.status}"])
    entries = list(AuditEntry.objects.filter(job_id=job.id).order_by("sequence"))
    faults = [*_history(job, entries), *_durations(job, entries)]
    if scenario.needs and shutil.which(scenario.needs) is None:
        return Finding(scenario, job, [*faults, *_missing_interpreter(scenario, job)], f"{scenario.needs} is not installed here")
    returned = sum(entry.action == Verb.RELEASE for entry in entries)
    note = f"given back {'once' if returned == 1 else f'{returned} times'}, as when its orchestrator is stopped" if returned else ""
    return Finding(scenario, job, [*_ending(scenario, job, entries), *faults, *_lengths(scenario, job)], note)


def _ending(scenario: Scenario, job: Job, entries: list[AuditEntry]) -> Iterator[str]:
    facts = (
        ("status", job.status, scenario.status),
        ("exit code", job.exit_code, scenario.exit_code),
        ("category", job.error_category, scenario.category),
        ("failed attempts", job.attempts, scenario.attempts),
        ("audit entries", _actions(entries), " ".join(scenario.actions)),
    )
    for name, found, expected in facts:
        if found != expected:
            yield f"{name}: {found}, should be {expected}"
    if scenario.error is None and job.last_error:
        yield f"error: {job.last_error!r}, there should be none"
    if scenario.error is not None and scenario.error not in (job.last_error or ""):
        yield f"error: {job.last_error!r} does not say {scenario.error!r}"
    if scenario.error is not None and not (job.result or {}).get("error"):
        yield "error: the result does not hold it whole"
    if scenario.output is not None and scenario.output not in str((job.result or {}).get("output")):
        yield f"output: {scenario.output!r} is not in it"
    kept = Attempt.objects.filter(job_id=job.id, status=Status.FAILED, last_error__isnull=False).count()
    retried = scenario.actions.count("retry")
    if kept != retried:
        yield f"error history: {kept} earlier attempts kept, should be {retried}"


def _missing_interpreter(scenario: Scenario, job: Job) -> Iterator[str]:
    if job.status != Status.FAILED or job.error_category != Category.CONFIGURATION or (scenario.needs or "") not in (job.last_error or ""):
        yield f"without {scenario.needs}: {job.status}/{job.error_category} ({job.last_error}), should be failed/configuration naming it"


def _history(job: Job, entries: list[AuditEntry]) -> Iterator[str]:
    if [entry.sequence for entry in entries] != list(range(job.audit_seq + 1)):
        yield f"audit entries: sequences {[entry.sequence for entry in entries]}, should be 0 to {job.audit_seq}"
    before = None
    for entry in entries:
        if entry.from_status != before:
            yield f"audit entry {entry.sequence}: from {entry.from_status}, but the job was {before}"
        before = entry.to_status
        step = (entry.from_status, entry.to_status)
        if entry.from_status not in (None, entry.to_status) and step not in lifecycle.LEGAL_PAIRS:
            yield f"audit entry {entry.sequence}: {entry.from_status} to {entry.to_status} is not a legal step"
    if before != job.status:
        yield f"audit entries end {before}, but the job is {job.status}"


def _durations(job: Job, entries: list[AuditEntry]) -> Iterator[str]:
    if any(earlier.at > later.at for earlier, later in pairwise(entries)):
        yield "duration: the audit entries are not in the order of time"
    # The job's own times are those of the entries that set them.
    last = {entry.action: entry.at for entry in entries}
    told = {"created": (job.created_at, "enqueue"), "claimed": (job.claimed_at, "claim"), "started": (job.started_at, "start")}
    ended = entries[-1].at if entries else None
    for name, (at, action) in told.items():
        if at != last.get(action):
            yield f"duration: {name} at {at}, but its entry says {last.get(action)}"
    if job.completed_at != ended:
        yield f"duration: completed at {job.completed_at}, but its entry says {ended}"


def _lengths(scenario: Scenario, job: Job) -> Iterator[str]:
    if job.started_at is None or job.completed_at is None or job.claimed_at is None:
        return
    ran = (job.completed_at - job.started_at).total_seconds()
    if ran < scenario.least_seconds:
        yield f"duration: ran {ran:.1f} s, should be at least {scenario.least_seconds} s"
    if job.claimed_at < job.scheduled_for:
        yield "duration: claimed before its scheduled time"
    waited = (job.claimed_at - job.created_at).total_seconds()
    if waited < scenario.delay_seconds:
        yield f"duration: claimed {waited:.1f} s after it was made, should be at least {scenario.delay_seconds} s"


def _actions(entries: list[AuditEntry]) -> str:
    """The acts in order, but for claims that were given back: whoever stops jobsite in the midst of the demo makes more of them."""
    acts: list[str] = []
    for entry in entries:
        if entry.action == Verb.RELEASE and Verb.CLAIM in acts:
            while acts.pop() != Verb.CLAIM:
                pass
        else:
            acts.append(entry.action)
    return " ".join(acts)
