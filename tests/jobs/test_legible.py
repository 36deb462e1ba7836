"""What others wrote is read, not obeyed."""

import time

import pytest

from jobs.failures import exit_words
from jobs.legible import legible, one_line


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain\ttext\nof two lines", "plain\ttext\nof two lines"),
        ("\x1b[1;31mred\x1b[0m and \x1b[2Jcleared", "red and cleared"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\", "here"),
        ("\x1b]unended", "unended"),
        ("lone \x1b and \x00", "lone \u241b and \u2400"),
        ("gnp.\u202eexe", "gnp.[U+202E]exe"),
        ("\x9b31m", "[U+009B]31m"),
        ("עברית, 日本語 👩‍🔧", "עברית, 日本語 👩‍🔧"),
    ],
)
def test_what_a_terminal_would_obey_is_left_out_and_what_is_unseen_is_shown(written: str, read: str) -> None:
    assert legible(written) == read


@pytest.mark.parametrize("piece", ["\x1b]", "\x1bP", "\x1b[", "\x1b", "\x1b[1;31m", "x"])
def test_a_long_text_is_quick_however_it_is_made(piece: str) -> None:
    began = time.perf_counter()
    legible(piece * 500_000)
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("", ""),
        ("\n  the mirror is busy \nmore", "the mirror is busy"),
        ("Traceback (most recent call last):\n  File x\nValueError: no\n\x1b[0m", "ValueError: no"),
        ("\x1b[31mTraceback (most recent call last):\n  File x\nValueError: no", "ValueError: no"),
    ],
)
def test_the_line_that_names_an_error_is_found(error: str, line: str) -> None:
    assert one_line(error) == line


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, ""),
        (0, ""),
        (1, ""),
        (127, "command not found"),
        (137, "killed (SIGKILL), most often out of memory"),
        (-15, "ended by SIGTERM"),
    ],
)
def test_exit_codes_are_told_in_words(code: int | None, words: str) -> None:
    assert exit_words(code) == words
