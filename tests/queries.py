"""What is asked of the database meanwhile: by Django, and by jobs.statements past Django's own count."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connection

from jobs import statements
from jobs.statements import Row, Statement

# They ask nothing: they hold what is asked within its transaction and its time.
_AROUND = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


@contextmanager
def questions() -> Iterator[list[str]]:
    """The statements sent to the database, in their order, but for savepoints and the limit of time."""
    asked: list[str] = []
    limit, run = statements.read("take_at_most"), statements._execute

    def by_django(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not sql.startswith(_AROUND):
            asked.append(sql)
        return execute(sql, params, many, context)

    def by_us(statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        if statement != limit:
            asked.append(statement.text.decode())
        return run(statement, parameters)

    with connection.execute_wrapper(by_django), patch.object(statements, "_execute", by_us):
        yield asked
