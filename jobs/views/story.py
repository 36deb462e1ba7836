"""The life of one job as it is told: its entries with how long each lasted, and where the time went."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

from django.db.models import DateTimeField, F, Func, QuerySet
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Coalesce, Left
from django.utils import timezone

from jobs import timing
from jobs.legible import one_line
from jobs.lifecycle import Status
from jobs.models import AuditEntry
from jobs.times import in_words
from jobs.timing import Timing, Turn, Wait

MOST_ENTRIES = 200
BAR_WIDTH = 10_000
# Of what is shorter, nothing would be seen.
_LEAST_DRAWN = 35
_ERROR_HEAD = 2000
# While a job goes on, its account is as of the last of so many steps of its time, so that it changes seldom enough to be looked at.
_STEPS = 32


@dataclass(frozen=True)
class Share:
    """A piece of the bar that the time of a job is drawn as: where it begins and how wide it is, of BAR_WIDTH."""

    state: str
    is_wait: bool
    begins: int
    width: int

    @property
    def drawn(self) -> dict[str, str]:
        """`x` and `width` of its rectangle, wide enough to be seen."""
        width = max(self.width, _LEAST_DRAWN)
        return {"x": _percent(min(self.begins, BAR_WIDTH - width)), "width": _percent(width)}


@dataclass(frozen=True)
class Moment:
    """An entry of the timeline.

    Attributes:
        lasted: what it began; None when it began nothing, or goes on.
        goes_on: the job is still in what it began.
        share: the place of that in the time of the job.
    """

    entry: AuditEntry
    lasted: timedelta | None
    goes_on: bool = False
    share: Share | None = None

    @property
    def action(self) -> str:
        return self.entry.action.replace("_", " ")

    @property
    def why(self) -> str:
        """The reason given, else the error that the entry tells of, or what it changed."""
        told = self.entry.__dict__
        wait, changes = told.get("delay_seconds"), told.get("changes") or {}
        return (
            self.entry.reason
            or one_line(told.get("error_head") or "")
            or (f"waits {in_words(float(wait))}" if wait else "")
            # (Metadata may hold what is not everybody's to read.)
            or ", ".join(f"{name} {value}" if isinstance(value, int | str) else name for name, value in changes.items())
        )


@dataclass(frozen=True)
class Part:
    """What a job spent in one state, all in all.

    Attributes:
        percent: of its time; those of all parts add up to 100.
    """

    state: str
    words: str
    is_wait: bool
    span: timedelta
    percent: int


@dataclass(frozen=True)
class Story:
    """
    Attributes:
        moments: in order; of very many, the newest.
        account: where the time went.
    """

    moments: list[Moment]
    account: Timing
    is_cut: bool
    shares: list[Share] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def whole(self) -> timedelta:
        return self.account.until - self.account.began_at

    @property
    def ended_as(self) -> str | None:
        return self.moments[-1].entry.to_status


def entries_of(job_id: str) -> list[AuditEntry]:
    """The newest entries of a job, the newest first and one more than are told, with what is shown of their detail, which may be long."""
    error = KeyTransform("error", "detail")
    found: QuerySet[Any] = AuditEntry.objects.filter(job_id=job_id).defer("digest", "detail")
    told = found.annotate(
        error_head=Left(Coalesce(KeyTextTransform("message", error), KeyTextTransform("error", "detail")), _ERROR_HEAD),
        delay_seconds=KeyTextTransform("delaySeconds", "detail"),
        changes=KeyTransform("changes", "detail"),
        category_inferred=KeyTextTransform("categoryInferred", "detail"),
        due_at=Func(F("action"), F("at"), F("detail"), function="due_told", output_field=DateTimeField()),
    )
    return list(told.order_by("-sequence")[: MOST_ENTRIES + 1])


def story(job_id: str, entries: Sequence[AuditEntry]) -> Story:
    """What is told of the entries of a job.

    Args:
        entries: as `entries_of` gives them; at least one.
    """
    is_cut = len(entries) > MOST_ENTRIES
    now = as_of(entries[-1].at, timezone.now())
    account = timing.of(job_id, now=now) if is_cut else timing.timing(_turns(entries[::-1]), now=now)
    return Story(timeline(entries[:MOST_ENTRIES][::-1], account), account, is_cut, shares(account), parts(account))


def timeline(entries: Sequence[AuditEntry], account: Timing) -> list[Moment]:
    """Entries in order; a status lasts until the next one that changes it, the last of a job that goes on until now."""
    changes = [entry for entry in entries if entry.from_status != entry.to_status]
    until = {earlier.pk: later.at for earlier, later in pairwise(changes)}
    return [_moment(entry, until.get(entry.pk), account) for entry in entries]


def shares(account: Timing) -> list[Share]:
    """The bar of a job's time: each stretch as wide as it was long; together exactly BAR_WIDTH, unless no time has passed."""
    ends = list(accumulate((stretch.microseconds for stretch in account.stretches), initial=0))
    return [_share(stretch.state, begins, upto, account) for stretch, (begins, upto) in zip(account.stretches, pairwise(ends), strict=True)]


def parts(account: Timing) -> list[Part]:
    """What each state comes to, in the order in which they were met first."""
    spent: dict[str, int] = {}
    for stretch in account.stretches:
        spent[stretch.state] = spent.get(stretch.state, 0) + stretch.microseconds
    whole = max(1, account.microseconds)
    # Each end is rounded, not each part: so they add up.
    percents = pairwise([(upto * 100 + whole // 2) // whole for upto in accumulate(spent.values(), initial=0)])
    return [
        Part(_status(state), state.replace("_", " "), state in {*Wait}, timedelta(microseconds=length), upto - begins)
        for (state, length), (begins, upto) in zip(spent.items(), percents, strict=True)
    ]


def as_of(began: datetime, now: datetime) -> datetime:
    """Until when the time of a job that goes on is told: now, or not much before, so that it changes seldom."""
    seconds = int((now - began).total_seconds())
    step = 1 << max(0, (seconds // _STEPS).bit_length() - 1)
    return began + timedelta(seconds=seconds // step * step) if step > 1 else now


def _turns(entries: Sequence[Any]) -> list[Turn]:
    return [
        Turn(
            at=entry.at,
            attempt=entry.attempt,
            action=entry.action,
            from_status=entry.from_status,
            to_status=entry.to_status,
            due_at=entry.due_at,
        )
        for entry in entries
        if entry.from_status != entry.to_status or (entry.action == "edit" and entry.due_at)
    ]


def _moment(entry: AuditEntry, until: datetime | None, account: Timing) -> Moment:
    if entry.from_status == entry.to_status or entry.to_status is None:
        return Moment(entry, None)
    if until is None and Status(entry.to_status).is_terminal:
        return Moment(entry, None)
    begins, upto = (int((at - account.began_at) / timedelta(microseconds=1)) for at in (entry.at, max(entry.at, until or account.until)))
    return Moment(entry, until - entry.at if until else None, until is None, _share(entry.to_status, begins, upto, account))


def _share(state: str, begins: int, upto: int, account: Timing) -> Share:
    whole = max(1, account.microseconds)
    place = begins * BAR_WIDTH // whole
    return Share(_status(state), state in {*Wait}, place, upto * BAR_WIDTH // whole - place)


def _status(state: str) -> str:
    return Status.QUEUED if state in {*Wait} else state


def _percent(of_bar: int) -> str:
    return f"{of_bar * 100 / BAR_WIDTH:.2f}%"
