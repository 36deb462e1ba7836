"""Each breakage of one line turns the test red that is named for it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.mutants.mutants import MUTANTS, Mutant
from tests.server import REPOSITORY

LEAST = 25
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "staticfiles", "images")


def test_there_are_enough_of_them_and_each_breaks_one_line_of_its_file() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= LEAST
    for mutant in MUTANTS:
        assert (REPOSITORY / mutant.path).read_text().count(mutant.line) == 1, mutant.name
        assert "\n" not in mutant.line + mutant.becomes, mutant.name


@pytest.mark.slow
def test_unbroken_the_named_tests_pass(checkout: Path) -> None:
    ended = _pytest(checkout, *sorted({mutant.test for mutant in MUTANTS}))

    assert ended.returncode == 0, ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_test_that_is_named_notices(checkout: Path, mutant: Mutant) -> None:
    file = checkout / mutant.path
    sound = file.read_text()
    file.write_text(sound.replace(mutant.line, mutant.becomes))
    try:
        ended = _pytest(checkout, mutant.test)
    finally:
        file.write_text(sound)

    # Failed, and not for a database that could not be made or a module that could not be read.
    assert ended.returncode == 1, ended.stdout
    assert re.search(r"\d+ failed", ended.stdout), ended.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the checkout, to be broken."""
    copy = tmp_path_factory.mktemp("mutants") / "checkout"
    shutil.copytree(REPOSITORY, copy, ignore=_LEFT_OUT)
    yield copy
    shutil.rmtree(copy)


def _pytest(checkout: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    # On the server that the tests own already, with a test database of another name.
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/mutant_{os.getpid()}").geturl()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *(f"tests/{test}" for test in tests)],
        cwd=checkout,
        env={**os.environ, "JOBSITE_TEST_DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
