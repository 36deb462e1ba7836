"""What failed alike: the log's failures folded into groups and their counts, by the sweep loop, behind everything that is still moving."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from jobs import fingerprints, records, statements, times
from jobs.actors import Actor
from jobs.fingerprints import Likeness
from jobs.lifecycle import ActorKind
from jobs.models import FailureFold, FailureGroup, TriageState
from jobs.records import SiteAct
from jobs.statements import Row

# Failures in one transaction, which holds back who reads the log behind it; they may each be of another kind.
MOST_AT_ONCE = 500
MOST_FAILED_COUNTED = 10_000
EXAMPLE_LENGTH = 2000
# Of hours; what a group counts all together stays with it.
COUNTS_KEPT = timedelta(days=90)
_FORGOTTEN_AT_ONCE = 5000
_BY = Actor(ActorKind.SYSTEM, "failure groups")


@dataclass(frozen=True)
class Failure:
    """One run that failed."""

    fingerprint: str
    job_id: str
    epoch: int
    at: datetime


def fold() -> bool:
    """Counts what has failed since the last time, and makes the groups that are seen for the first time. Any number at once equals one.

    What a transaction that is still open may yet write is left for later, so nothing is passed over; the place is moved in the same
    transaction as the counts, so nothing is counted twice.

    Returns:
        Whether there is more to fold at once.
    """
    with transaction.atomic():
        place = FailureFold.objects.select_for_update(skip_locked=True).first()
        if place is None:
            return False
        wake()
        return fold_on(place) == MOST_AT_ONCE


def fold_on(place: FailureFold) -> int:
    """The same for who has locked the place.

    Returns:
        How many failures were folded.
    """
    rows = statements.run("failures_after", xid=str(place.xid), entry_id=place.entry_id, limit=MOST_AT_ONCE)
    if rows:
        _count([Failure(row["fingerprint"], row["job_id"], row["epoch"], row["at"]) for row in rows if row["fingerprint"]])
        place.xid, place.entry_id = int(rows[-1]["xid"]), rows[-1]["id"]
        place.save(update_fields=["xid", "entry_id"])
    return len(rows)


@dataclass(frozen=True)
class Page:
    """
    Attributes:
        groups: those seen last come first.
        next: where to read on; None at the end.
    """

    groups: list[FailureGroup]
    next: str | None


def last_seen_first(groups: "QuerySet[FailureGroup]", *, after: str | None, size: int) -> Page:
    """A page of groups.

    Args:
        after: `next` of an earlier page. (A group that is seen meanwhile comes before it; it is not met again.)

    Raises:
        ValueError: it is none of ours.
    """
    if after is not None:
        moment, _, fingerprint = after.partition("_")
        seen = times.read(moment)
        groups = groups.filter(Q(last_seen_at__lt=seen) | Q(last_seen_at=seen, fingerprint__gt=fingerprint))
    found = list(groups.order_by("-last_seen_at", "fingerprint")[: size + 1])
    more = found[size - 1] if len(found) > size else None
    return Page(found[:size], f"{times.written(more.last_seen_at)}_{more.fingerprint}" if more else None)


def failed_now(names: Sequence[str]) -> dict[str, int]:
    """How many jobs of groups stand failed, by fingerprint, each counted to 10,000."""
    rows = statements.run("failed_alike", fingerprints=list(names), most=MOST_FAILED_COUNTED)
    return {row["fingerprint"]: row["jobs"] for row in rows}


def wake() -> None:
    """Groups whose snooze has run out return to what they were."""
    for group in (
        FailureGroup.objects.filter(state=TriageState.SNOOZED, snoozed_until__lte=Now()).select_for_update().order_by("fingerprint")
    ):
        _end_snooze(group, "its time is over")


def forget_counts() -> bool:
    """Removes counts of hours that are long past; groups stay, with their sums.

    Returns:
        Whether there may be more at once.
    """
    return len(statements.run("forget_failure_counts", kept_for=COUNTS_KEPT, limit=_FORGOTTEN_AT_ONCE)) == _FORGOTTEN_AT_ONCE


def likeness_of(run: Row) -> Likeness:
    """What a failed run has in common with its kind, from its row: the same as was reckoned when it was judged."""
    return fingerprints.likeness(
        category=run["category"] or "", exit_code=run["exit_code"], error=run["error"], message=run["message"], stderr=run["stderr"] or ""
    )


def runs(failures: Iterable[tuple[str, int]]) -> list[Row]:
    """The runs of jobs and epochs, with all that a fingerprint is made of; none for jobs that are gone."""
    asked = list(failures)
    job_ids, epochs = [job_id for job_id, _ in asked], [epoch for _, epoch in asked]
    return statements.run("failed_runs", job_ids=job_ids, epochs=epochs, looked_at=fingerprints.LOOKED_AT)


def open_groups(firsts: Sequence[Failure]) -> set[str]:
    """Makes a group of each of these failures, where there is none yet; for who has locked the place.

    Returns:
        The fingerprints of the groups that were made.
    """
    known = set(FailureGroup.objects.filter(fingerprint__in={one.fingerprint for one in firsts}).values_list("fingerprint", flat=True))
    first_of = {(one.job_id, one.epoch): one for one in reversed(firsts) if one.fingerprint not in known}
    if not first_of:
        return set()
    made = {group.fingerprint: group for group in (_group(first_of[run["job_id"], run["epoch"]], run) for run in runs(first_of))}
    FailureGroup.objects.bulk_create(made.values())
    return set(made)


def count(counts: Counter[tuple[str, datetime]]) -> None:
    """Adds failures to the hours of groups, or takes them away."""
    told = [{"fingerprint": name, "hour": hour.isoformat(), "failures": number} for (name, hour), number in counts.items()]
    statements.run("count_failures", counts=json.dumps(told))


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _count(failures: Sequence[Failure]) -> None:
    by_group: dict[str, list[Failure]] = defaultdict(list)
    for failure in failures:
        by_group[failure.fingerprint].append(failure)
    open_groups([alike[0] for alike in by_group.values()])
    count(Counter((failure.fingerprint, hour_of(failure.at)) for failure in failures))
    moments = {name: [failure.at for failure in alike] for name, alike in by_group.items()}
    # In the order of their keys, as everybody who locks several.
    groups = list(FailureGroup.objects.filter(fingerprint__in=moments).select_for_update().order_by("fingerprint"))
    statements.run(
        "grow_groups",
        fingerprints=list(moments),
        numbers=[len(at) for at in moments.values()],
        firsts=[min(at) for at in moments.values()],
        lasts=[max(at) for at in moments.values()],
    )
    for group in groups:
        _judge(group, moments[group.fingerprint])


def _judge(group: FailureGroup, moments: Sequence[datetime]) -> None:
    """What new failures change of what people had made of the group; what failed before they did so changes nothing."""
    since = sum(at > group.triaged_at for at in moments) if group.triaged_at else 0
    if not since:
        return
    if group.state == TriageState.RESOLVED:
        group.state = TriageState.REGRESSED
        group.save(update_fields=["state"])
        _record(SiteAct.REGRESS, group, "it failed again")
    elif group.state == TriageState.SNOOZED and group.snoozed_failures is not None:
        group.snoozed_failures -= since
        group.save(update_fields=["snoozed_failures"])
        if group.snoozed_failures <= 0:
            _end_snooze(group, "as many more have failed")


def _end_snooze(group: FailureGroup, reason: str) -> None:
    group.state = str(group.snoozed_from)
    group.snoozed_until = group.snoozed_failures = group.snoozed_from = None
    group.save(update_fields=["state", "snoozed_until", "snoozed_failures", "snoozed_from"])
    _record(SiteAct.WAKE, group, reason)


def _record(act: SiteAct, group: FailureGroup, reason: str) -> None:
    records.record(act, subject_type="failure_group", subject_id=group.fingerprint, by=_BY, reason=reason, detail={"state": group.state})


def _group(first: Failure, run: Row) -> FailureGroup:
    alike = likeness_of(run)
    return FailureGroup(
        fingerprint=first.fingerprint,
        type=run["type"],
        category=alike.category,
        code=alike.code,
        title=alike.title,
        top_frame=alike.frame,
        rule=fingerprints.RULE,
        example_job_id=first.job_id,
        example_error=(run["message"] or "")[:EXAMPLE_LENGTH],
        first_seen_at=first.at,
        last_seen_at=first.at,
    )
