"""Runs the statements of jobs/sql: one statement a file, named parameters, prepared on the server.

Django's own cursor binds parameters on the client and never prepares, so these go through a plain psycopg cursor of the same connection;
they take part in Django's transactions like any other query.

psycopg looks for the named parameters of a text as long as the door's anew at each call; so they are numbered here, once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from django.apps import apps
from django.db import connection
from django.db.models.base import ModelState
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from jobs.models import Job


Row = dict[str, Any]
_FOLDER = Path(__file__).parent / "sql"


def run(*names: str, **parameters: object) -> list[Row]:
    """The rows that a statement returns.

    Args:
        names: files of jobs/sql without their ending; several are read as one text, head first.
        parameters: for each %(name)s of the text.

    Raises:
        django.db.Error: as for any query of Django.
    """
    return _execute(read(*names), parameters)


@dataclass(frozen=True)
class Statement:
    """A statement as PostgreSQL takes it.

    Attributes:
        text: with parameters $1, $2, …
        parameters: their names, in that order.
    """

    text: bytes
    parameters: tuple[str, ...]

    def values(self, named: Mapping[str, object]) -> list[object]:
        """The values of its parameters, in their order, out of all that are named."""
        return [named[name] for name in self.parameters]


_PARAMETER = re.compile(r"%\((\w+)\)s")


@cache
def read(*names: str) -> Statement:
    """The statement in files of jobs/sql."""
    named = "\n".join((_FOLDER / f"{name}.sql").read_text() for name in names)
    parameters = tuple(dict.fromkeys(_PARAMETER.findall(named)))
    text = _PARAMETER.sub(lambda found: f"${parameters.index(found[1]) + 1}", named)
    return Statement(text.encode(), parameters)


def as_job(row: Row) -> "Job":
    """The job that a row tells of; columns that it leaves out are deferred."""
    model, columns = _jobs()
    # What Model.from_db comes to, without its look at each field: that takes longer than all else that is done for a claimed job.
    job, state = model.__new__(model), ModelState()
    state.adding, state.db = False, "default"
    told = row if columns.issuperset(row) else {name: value for name, value in row.items() if name in columns}
    job.__dict__ = {**told, "_state": state}
    return job


@cache
def _jobs() -> "tuple[type[Job], frozenset[str]]":
    """The model and its columns. (Its verbs use the door, so it is looked up late.)"""
    model: type[Job] = apps.get_model("jobs", "Job")
    return model, frozenset(column.attname for column in model._meta.concrete_fields)


def _execute(statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection, row_factory=dict_row) as cursor:
        # Rows come in their binary form, whose times are read several times faster (jobs/loaders.py).
        cursor.execute(statement.text, statement.values(parameters), prepare=True, binary=True)
        return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []
