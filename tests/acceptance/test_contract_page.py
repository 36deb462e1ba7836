"""docs/contract-tests.md names a test for each sentence of the contract, and each of them is there."""

import re

from tests.server import REPOSITORY

PAGE = "docs/contract-tests.md"
_ROW = re.compile(r"^\| (\d+)\.(\d+) \| (.+) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")


def rows() -> list[tuple[int, int, str, str]]:
    """Section, number, sentence and tests of each row."""
    return [(int(section), int(number), *rest) for section, number, *rest in _ROW.findall((REPOSITORY / PAGE).read_text())]


def test_the_sentences_are_numbered_without_gaps() -> None:
    numbers: dict[int, list[int]] = {}
    for section, number, _, _ in rows():
        numbers.setdefault(section, []).append(number)

    assert list(numbers) == list(range(1, 10))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_each_sentence_has_its_tests_and_each_of_them_is_there() -> None:
    for section, number, sentence, shown_by in rows():
        named = _TEST.findall(shown_by)
        assert " · ".join(f"`{path}::{name}`" for path, name in named) == shown_by, f"{section}.{number} {sentence}"
        for path, name in named:
            file = REPOSITORY / "tests" / path
            assert file.is_file(), f"{section}.{number}: {path}"
            assert f"def {name}(" in file.read_text(), f"{section}.{number}: {path}::{name}"
