"""Heads of columns that a list can be sorted by: links that say where they lead, and which way it goes now."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest

from jobs.paging import Paging
from jobs.views.lists import address

PARAMETER = "ordering"


@dataclass(frozen=True)
class Head:
    """
    Attributes:
        url: of the list sorted by this column; by the one that it is sorted by already, the other way round.
        direction: as `aria-sort` has it; empty for the columns that it is not sorted by.
    """

    url: str
    direction: str


def heads(request: HttpRequest, paging: Paging, ordering: str) -> Mapping[str, Head]:
    """The head of each column, by its word; the largest first, at the first click.

    Args:
        ordering: that the list has, as `Paging.page_of` takes it.
    """
    falls = ordering.startswith("-")
    told = {}
    for word in paging.columns:
        here = word == ordering.removeprefix("-")
        wanted = word if here and falls else f"-{word}"
        direction = ("descending" if falls else "ascending") if here else ""
        told[word] = Head(address(request, **{PARAMETER: wanted, "cursor": None}), direction)
    return told
