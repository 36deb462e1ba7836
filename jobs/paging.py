"""Pages by key: they stay exact and fast however deep one reads, and nothing is skipped while rows come and go."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import F, Model, Q, QuerySet

from jobs import times

Row = TypeVar("Row", bound=Model)


class WrongPage(ValueError):
    """
    Attributes:
        parameter: `ordering` or `cursor`, whichever is none of ours.
        fault: what is wrong with it, in a few words.
    """

    def __init__(self, message: str, *, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.fault = "is not known"


@dataclass(frozen=True)
class Column:
    """What rows may be ordered by.

    Attributes:
        name: of the column, or of an annotation.
        reads: what stands in a cursor → the value; ValueError or TypeError when it can be none.
        may_be_null: rows without a value come last, whichever way the rest is ordered.
    """

    name: str
    reads: Callable[[Any], Any]
    may_be_null: bool = False


@dataclass(frozen=True)
class Page(Generic[Row]):
    """
    Attributes:
        rows: in the order asked for.
        next: cursor of what follows, or None.
        previous: cursor of what came before, or None.
    """

    rows: list[Row]
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind a row, or before it when one reads backwards."""

    value: Any
    tie: Any
    backwards: bool


@dataclass(frozen=True)
class Paging:
    """The orders that a list may be read in.

    Attributes:
        columns: by the word that asks for each.
        tie: the unique column that settles what is equal.
    """

    columns: Mapping[str, Column]
    tie: Column

    def page_of(
        self,
        rows: "QuerySet[Row] | Sequence[QuerySet[Row]]",
        *,
        ordering: str,
        cursor: str | None,
        size: int,
        fitting: Callable[[list[Row]], list[Row]] = lambda found: found,
    ) -> Page[Row]:
        """One page.

        Args:
            rows: one set, or several that have no row in common: each is read by an index of its own, as no index gives them together.
            ordering: a word of `columns`, with `-` for descending.
            cursor: from an earlier page with the same ordering; None for the first.
            fitting: the rows that an answer has room for, from the first on.

        Raises:
            WrongPage: the ordering or the cursor is none of ours.
        """
        column = self._column(ordering)
        place = self._read(cursor, ordering, column) if cursor is not None else None
        backwards = place is not None and place.backwards
        falling = ordering.startswith("-") != backwards
        sets = [rows] if isinstance(rows, QuerySet) else list(rows)
        if place:
            sets = [one.filter(self._beyond(place, column, falling=falling)) for one in sets]
        found = list(first_of(sets, self._order(column, falling=falling, backwards=backwards), size + 1))
        page = fitting(found[:size])
        more = len(found) > len(page)
        if backwards:
            page.reverse()
        ahead, behind = (True, more) if backwards else (more, place is not None)
        return Page(
            rows=page,
            next=self._written(page[-1], column, ordering, "next") if page and ahead else None,
            previous=self._written(page[0], column, ordering, "previous") if page and behind else None,
        )

    def _column(self, ordering: str) -> Column:
        column = self.columns.get(ordering.removeprefix("-"))
        if column is None:
            known = ", ".join(sorted(self.columns))
            raise WrongPage(f"ordering must be one of {known}, with - for descending.", parameter="ordering")
        return column

    def _order(self, column: Column, *, falling: bool, backwards: bool) -> list[Any]:
        tie = f"{'-' if falling else ''}{self.tie.name}"
        if not column.may_be_null:
            return [f"{'-' if falling else ''}{column.name}", tie]
        # Read backwards, what comes last comes first.
        nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
        return [F(column.name).desc(**nulls) if falling else F(column.name).asc(**nulls), tie]

    def _beyond(self, place: Place, column: Column, *, falling: bool) -> Q:
        """What is read after a place."""
        side, name = "lt" if falling else "gt", column.name
        tie = {f"{self.tie.name}__{side}": place.tie}
        if place.value is None:
            unset = Q(**{f"{name}__isnull": True}, **tie)
            return Q(**{f"{name}__isnull": False}) | unset if place.backwards else unset
        beyond = Q(**{f"{name}__{side}": place.value}) | Q(**{name: place.value}, **tie)
        return beyond | Q(**{f"{name}__isnull": True}) if column.may_be_null and not place.backwards else beyond

    def _written(self, row: Model, column: Column, ordering: str, direction: str) -> str:
        text = json.dumps([direction, ordering, _plain(getattr(row, column.name)), _plain(getattr(row, self.tie.name))])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _read(self, cursor: str, ordering: str, column: Column) -> Place:
        try:
            direction, made_for, value, tie = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if made_for != ordering or direction not in ("next", "previous"):
                raise ValueError("made for another ordering")
            if value is not None or not column.may_be_null:
                value = column.reads(value)
            return Place(value, self.tie.reads(tie), backwards=direction == "previous")
        except (ValueError, TypeError, RecursionError):
            raise WrongPage("The cursor is not one of this list. Begin again without it.", parameter="cursor") from None


def first_of(sets: "Sequence[QuerySet[Row]]", order: Sequence[Any], count: int) -> "QuerySet[Row]":
    """The first so many rows of several sets that have none in common: no more of each is read."""
    heads = [rows.order_by(*order)[:count] for rows in sets]
    return heads[0] if len(heads) == 1 else heads[0].union(*heads[1:], all=True).order_by(*order)[:count]


def moment(value: Any) -> datetime:
    """A time as a cursor holds it."""
    return times.read(value)


def whole(least: int, most: int) -> Callable[[Any], int]:
    """Reads whole numbers from `least` to `most`."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"not a whole number from {least} to {most}")
        return value

    return read


def span(value: Any) -> timedelta:
    """A duration as a cursor holds it: in microseconds."""
    return timedelta(microseconds=whole(-(2**62), 2**62)(value))


def text(value: Any) -> str:
    """A text as PostgreSQL can compare it."""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a text")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    return times.written(value) if isinstance(value, datetime) else value
