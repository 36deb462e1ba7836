"""Lists of a page: a page of rows by key, and the links to the pages around it."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.paging import Paging, Row

ROWS = 50


@dataclass(frozen=True)
class Pager:
    """The foot of a list.

    Attributes:
        words: what the list shows: how many match, in which order.
        previous, next: addresses; empty where there is nothing more.
    """

    words: str
    previous: str
    next: str
    previous_word: str = "Newer"
    next_word: str = "Older"


def listed(
    request: HttpRequest, rows: "QuerySet[Row]", paging: Paging, *, ordering: str, words: str, ends: tuple[str, str] = ("Newer", "Older")
) -> tuple[list[Row], Pager]:
    """The rows that an address asks for by its `cursor`.

    Args:
        ordering: as `Paging.page_of` takes it.
        words: what the list shows.
        ends: what the links to the page before and after say.

    Raises:
        WrongPage: the cursor is none of this list.
    """
    page = paging.page_of(rows, ordering=ordering, cursor=request.GET.get("cursor"), size=ROWS)
    before, after = (address(request, cursor=cursor) if cursor else "" for cursor in (page.previous, page.next))
    return page.rows, Pager(words, before, after, *ends)


def address(request: HttpRequest, **changed: Any) -> str:
    """The address of this view with some of its parameters set, or removed where None.

    A filter that changes begins at the first page again: it takes `cursor=None` with it.
    """
    parameters = request.GET.copy()
    for name, value in changed.items():
        if value is None:
            parameters.pop(name, None)
        else:
            parameters[name] = str(value)
    return f"{request.path}?{parameters.urlencode(safe=',:')}" if parameters else request.path
