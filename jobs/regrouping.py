"""Groups failures anew after the rule of fingerprints has changed, a few jobs at a time, and takes along what people made of the groups.

Where a failure comes into another group, its count goes with it. A group that is made so takes the triage of the group that its first
failure was in; where groups meet, the more open state stays: acknowledged, regressed, new, snoozed, resolved. Each way from one group to
another is gone once, so that what is said of the new one meanwhile stands. A group that is left empty goes.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F

from jobs import failure_groups, fingerprints, records, statements
from jobs.actors import Actor
from jobs.failure_groups import Failure, hour_of
from jobs.models import Attempt, AuditEntry, FailureCount, FailureFold, FailureGroup, TriageState
from jobs.records import SiteAct

BATCH = 200
_MOST_OPEN_FIRST = [TriageState.ACKNOWLEDGED, TriageState.REGRESSED, TriageState.NEW, TriageState.SNOOZED, TriageState.RESOLVED]
_TRIAGE = ("state", "owner", "note", "snoozed_until", "snoozed_failures", "snoozed_from", "triaged_at", "triaged_by")
Run = tuple[str, int]


@dataclass(frozen=True)
class Regrouped:
    """
    Attributes:
        jobs: that were looked at.
        changed: failures that have another fingerprint now.
        ended: every failure is grouped by the rule in force.
    """

    jobs: int
    changed: int
    ended: bool


def regroup(*, by: Actor) -> Regrouped:
    """The next batch of jobs. Whoever calls again goes on where the last one stopped, was killed, or where another one is."""
    with transaction.atomic():
        # Nobody folds meanwhile: a failure is either counted, and its count goes along, or will be counted where it stands then.
        place = FailureFold.objects.select_for_update().get()
        if place.rule == fingerprints.RULE:
            return Regrouped(0, 0, ended=True)
        if place.next_rule != fingerprints.RULE:
            place.next_rule, place.regrouped_to = fingerprints.RULE, ""
        rows = statements.run("failed_jobs_after", after=place.regrouped_to, limit=BATCH)
        changed = _write_anew(rows, place, by) if rows else 0
        ended = len(rows) < BATCH
        if ended:
            place.rule, place.regrouped_to = fingerprints.RULE, ""
            _drop_empty_groups()
        else:
            place.regrouped_to = rows[-1]["id"]
        place.save(update_fields=["rule", "next_rule", "regrouped_to"])
    return Regrouped(len(rows), changed, ended)


def begin_again() -> None:
    """The next batch is the first, though all may be grouped: for when failures were written by servers of an older version since."""
    FailureFold.objects.update(rule=0, next_rule=0, regrouped_to="")


def _write_anew(rows: Sequence[statements.Row], place: FailureFold, by: Actor) -> int:
    attempts = Attempt.objects.filter(job_id__in=[row["id"] for row in rows], last_error__isnull=False)
    of_jobs = {(row["id"], row["epoch"]) for row in rows if row["epoch"] is not None}
    runs = failure_groups.runs(sorted({*attempts.values_list("job_id", "epoch"), *of_jobs}))
    faults = [
        {"job_id": run["job_id"], "epoch": run["epoch"], "type": run["type"], "fault": failure_groups.likeness_of(run).fault}
        for run in runs
    ]
    written = statements.run("regroup", faults=msgspec.json.encode(faults).decode())
    now: dict[Run, str] = {(row["job_id"], row["epoch"]): row["fingerprint"] for row in written}
    before: dict[Run, str | None] = {(run["job_id"], run["epoch"]): run["fingerprint"] for run in runs}
    FailureGroup.objects.filter(fingerprint__in=set(now.values()), rule__lt=fingerprints.RULE).update(rule=fingerprints.RULE)
    moved = [run for run in sorted(now) if now[run] != before[run]]
    if moved:
        _move_counts(moved, before, now, place, by)
    return len(moved)


def _move_counts(moved: Sequence[Run], before: dict[Run, str | None], now: dict[Run, str], place: FailureFold, by: Actor) -> None:
    job_ids, epochs = zip(*moved, strict=True)
    counted: dict[Run, datetime] = {
        (row["job_id"], row["epoch"]): row["at"]
        for row in statements.run(
            "folded_failures", job_ids=list(job_ids), epochs=list(epochs), xid=str(place.xid), entry_id=place.entry_id
        )
    }
    hours: Counter[tuple[str, datetime]] = Counter()
    arrivals: dict[str, list[datetime]] = defaultdict(list)
    ways: dict[tuple[str, str], None] = {}
    for run, at in sorted(counted.items()):
        arrivals[now[run]].append(at)
        hours[now[run], hour_of(at)] += 1
        if old := before[run]:
            hours[old, hour_of(at)] -= 1
            ways[old, now[run]] = None
    made = failure_groups.open_groups([Failure(now[run], *run, at) for run, at in sorted(counted.items())])
    failure_groups.count(hours)
    left = Counter(old for run in counted if (old := before[run]))
    groups = FailureGroup.objects.filter(fingerprint__in={*arrivals, *left}).select_for_update().order_by("fingerprint").in_bulk()
    for old, new in ways:
        if old in groups and not _was_gone(old, new):
            _take_along(groups[old], groups[new], just_made=new in made, by=by)
            made.discard(new)
    for name, group in groups.items():
        times = [group.first_seen_at, group.last_seen_at, *arrivals[name]]
        change = F("failures") + len(arrivals[name]) - left[name]
        FailureGroup.objects.filter(pk=name).update(failures=change, first_seen_at=min(times), last_seen_at=max(times))


def _was_gone(old: str, new: str) -> bool:
    return AuditEntry.objects.filter(
        subject_type="failure_group", subject_id=new, action=SiteAct.REGROUP, detail__from=old, detail__rule=fingerprints.RULE
    ).exists()


def _take_along(old: FailureGroup, new: FailureGroup, *, just_made: bool, by: Actor) -> None:
    """What people made of a group goes with its failures."""
    if just_made or _MOST_OPEN_FIRST.index(TriageState(old.state)) < _MOST_OPEN_FIRST.index(TriageState(new.state)):
        for name in _TRIAGE:
            setattr(new, name, getattr(old, name))
        new.save(update_fields=_TRIAGE)
    detail: dict[str, Any] = {"from": old.fingerprint, "rule": fingerprints.RULE, "state": new.state}
    records.record(SiteAct.REGROUP, subject_type="failure_group", subject_id=new.fingerprint, by=by, detail=detail)


def _drop_empty_groups() -> None:
    FailureCount.objects.filter(failures__lte=0).delete()
    # Whatever their rule: a new server that folds what an old one has reckoned makes a group of the new rule with the old fingerprint.
    FailureGroup.objects.filter(failures__lte=0).delete()
