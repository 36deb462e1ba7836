"""docs/operations.md: its table names every variable there is, its queries run as they stand."""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.acceptance.pages import blocks
from tests.server import REPOSITORY

PAGE = "docs/operations.md"
_NAME = re.compile(r"[A-Z][A-Z_]{3,}")
# What a variable is read by, in its first argument or (an option of the orchestrator) its second.
_READERS = {"str", "list", "secret", "secrets_list", "seconds", "whole", "_whole", "switch", "option", "networks", "kept_for"}
_ENVIRONMENTS = {"environ", "environment"}
# Django's and the system's own.
_NOT_FOR_OPERATORS = {"DJANGO_SETTINGS_MODULE", "PATH"}


def variables_read() -> Iterator[str]:
    """Every environment variable that settings, bin/run, gunicorn's configuration, the health check or the orchestrator looks up."""
    sources = [
        *REPOSITORY.glob("jobsite/**/*.py"),
        *(REPOSITORY / path for path in ("gunicorn.conf.py", "orchestrator/config.py", "bin/healthcheck")),
    ]
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and _reads(node.func):
                words = [word.value for word in node.args[:2] if isinstance(word, ast.Constant) and isinstance(word.value, str)]
                yield from (word for word in words if _NAME.fullmatch(word))


def test_the_tables_name_every_variable_and_no_other() -> None:
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (REPOSITORY / PAGE).read_text(), re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)]

    assert sorted(told) == sorted(set(variables_read()) - _NOT_FOR_OPERATORS)


@pytest.mark.parametrize("query", [text for language, text in blocks(PAGE) if language == "sql"])
def test_its_queries_run_as_they_stand(sql: Callable[..., list[tuple[Any, ...]]], query: str) -> None:
    sql(query)


def _reads(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute):
        return _name(function) in _READERS
    return function.attr in _READERS or (function.attr == "get" and _name(function.value) in _ENVIRONMENTS)


def _name(expression: ast.expr) -> str:
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")
