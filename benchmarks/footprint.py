"""Which indexes a call used, and how much it read: of plain statements, functions in the database and triggers alike.

What EXPLAIN tells ends at the door of a function; PostgreSQL's own counters of the transaction under way see behind it
(https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-FUNCTIONS, pg_stat_get_xact_…).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction

# An index scan counts its entries, the dead ones, too; a table its rows as read from one end to the other.
_COUNTERS = """
select c.relname, c.relkind = 'i', pg_stat_get_xact_numscans(c.oid), pg_stat_get_xact_tuples_returned(c.oid)
from pg_class c where c.relkind in ('r', 'i') and c.relnamespace = 'public'::regnamespace
"""
_Counts = dict[tuple[str, bool], tuple[int, int]]


@dataclass(frozen=True)
class Reads:
    """
    Attributes:
        scans: how often it was searched.
        entries: how many entries or rows were read in it.
    """

    scans: int
    entries: int


@dataclass
class Footprint:
    """
    Attributes:
        indexes: what was read through indexes, by their names.
        whole: tables that were read from one end to the other.
    """

    indexes: dict[str, Reads] = field(default_factory=dict)
    whole: dict[str, Reads] = field(default_factory=dict)


@contextmanager
def footprint() -> Iterator[Footprint]:
    """What the block reads through Django's connection, what is checked at commit included; known when it has ended, and undone then."""
    seen = Footprint()
    with transaction.atomic():
        # What was done before the block is checked now, and what the block does as if it were committed.
        _check_what_is_deferred()
        before = _counts()
        yield seen
        _check_what_is_deferred()
        for (name, is_index), (scans, entries) in _counts().items():
            scans_before, entries_before = before.get((name, is_index), (0, 0))
            if scans > scans_before:
                (seen.indexes if is_index else seen.whole)[name] = Reads(scans - scans_before, entries - entries_before)
        transaction.set_rollback(True)


def _check_what_is_deferred() -> None:
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("set constraints all deferred")


def _counts() -> _Counts:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTERS)
        return {(name, is_index): (scans, entries) for name, is_index, scans, entries in cursor.fetchall()}
