"""The limit: recorded statements run by plain psycopg, prepared, on connections with our server's settings. No Django here."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Self

import psycopg

from benchmarks.together import Shift, begin


@dataclass(frozen=True)
class Statement:
    """
    Attributes:
        text: with its parameters named, or numbered, as the cursor takes them.
        parameters: their values.
        cursor: psycopg's class that ran it.
    """

    text: str | bytes
    parameters: Mapping[str, Any] | Sequence[Any]
    cursor: type[psycopg.Cursor[Any]]

    def run(self, connection: psycopg.Connection[Any], parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> psycopg.Cursor[Any]:
        """Runs it, prepared, with rows in binary; None takes the values that were recorded."""
        cursor = self.cursor(connection)
        text = self.text.encode() if isinstance(self.text, str) else self.text
        return cursor.execute(text, self.parameters if parameters is None else parameters, prepare=True, binary=True)


@dataclass(frozen=True)
class Report:
    """A statement that reports on a batch of jobs, ready to be said of others.

    Attributes:
        listed: the parameters that have one item for each job, in JSON or as a list, by name or place; each item is split where the job's
            id stands in it.
        as_json: which of them are JSON.
    """

    statement: Statement
    listed: Mapping[str | int, Sequence[Sequence[Any]]]
    as_json: frozenset[str | int]

    @classmethod
    def of(cls, statement: Statement, ids: Sequence[str]) -> Self:
        """Finds in a recorded statement what is said of each of the jobs."""
        listed, as_json = {}, set()
        for name, value in _by_name(statement.parameters).items():
            items = json.loads(value) if isinstance(value, str) and value.startswith("[") else value
            if isinstance(items, list) and len(items) == len(ids):
                if items is not value:
                    as_json.add(name)
                    items = [json.dumps(item) for item in items]
                listed[name] = [item.split(id_) if isinstance(item, str) else [item] for item, id_ in zip(items, ids, strict=True)]
        return cls(statement, listed, frozenset(as_json))

    def on(self, jobs: Sequence[str]) -> Mapping[str, Any] | Sequence[Any]:
        """The parameters for these jobs, at most as many as were recorded."""
        said: dict[Any, Any] = {
            name: [job.join(parts) if isinstance(parts[0], str) else parts[0] for job, parts in zip(jobs, items, strict=False)]
            for name, items in self.listed.items()
        }
        said |= {name: f"[{','.join(said[name])}]" for name in self.as_json}
        recorded = self.statement.parameters
        if isinstance(recorded, Mapping):
            return {**recorded, **said}
        return [said.get(place, value) for place, value in enumerate(recorded)]


@dataclass(frozen=True)
class Life:
    """What is run for a batch of jobs.

    Attributes:
        claim: in one transaction, if there are several; the last one returns the jobs.
        complete_claimed: of jobs that were never said to run.
    """

    claim: Sequence[Statement]
    start: Report
    complete_running: Report
    complete_claimed: Report


def full_life(url: str, options: str, life: Life) -> Shift:
    """Claims, starts and completes batches until none is left.

    Args:
        options: the settings of our server's connections, as libpq takes them.
    """
    return _live(url, options, life.claim, (life.start, life.complete_running))


def claim_and_complete(url: str, options: str, life: Life) -> Shift:
    return _live(url, options, life.claim, (life.complete_claimed,))


def _live(url: str, options: str, claim: Sequence[Statement], reports: Sequence[Report]) -> Shift:
    with psycopg.connect(url, options=options, autocommit=True, prepare_threshold=0) as connection:
        completed: list[str] = []
        began = begin()
        while jobs := _claimed(connection, claim):
            for report in reports:
                _check(report.statement.run(connection, report.on(jobs)), jobs)
            completed += jobs
        return Shift.over(began, completed)


def _claimed(connection: psycopg.Connection[Any], claim: Sequence[Statement]) -> list[str]:
    with connection.transaction() if len(claim) > 1 else nullcontext():
        *_, cursor = [statement.run(connection) for statement in claim]
    place = _place(cursor, "id")
    return [row[place] for row in cursor.fetchall()]


def _check(cursor: psycopg.Cursor[Any], jobs: Sequence[str]) -> None:
    place, rows = _place(cursor, "verdict"), cursor.fetchall()
    if len(rows) != len(jobs) or any(row[place] != "applied" for row in rows):
        raise RuntimeError(f"of {len(jobs)} reports {sum(row[place] == 'applied' for row in rows)} were applied")


def _place(cursor: psycopg.Cursor[Any], column: str) -> int:
    return [each.name for each in cursor.description or ()].index(column)


def _by_name(parameters: Mapping[str, Any] | Sequence[Any]) -> Mapping[Any, Any]:
    return {**parameters} if isinstance(parameters, Mapping) else dict(enumerate(parameters))
