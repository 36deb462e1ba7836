"""Texts that others wrote, for people to read: nothing in them is obeyed, and nothing is hidden by what would have been."""

import re

# What moves a terminal's cursor, colours its letters or names its window (ECMA-48). The words between stay.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[@-Z\\-_])")
# Controls but tab and line ends, and those that turn the order of letters round (https://www.unicode.org/reports/tr9/).
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(: |$)")
_TRACEBACK = "Traceback (most recent call last)"


def legible(text: str) -> str:
    """The text without a terminal's commands, and with what is invisible in it shown: `␀`, `[U+202E]`."""
    return _UNSEEN.sub(_sign, _TERMINAL.sub("", text))


def one_line(error: str) -> str:
    """The line of an error that names it: of a Python traceback the last exception, of anything else the first line."""
    lines = [line.rstrip() for line in legible(error).splitlines() if line.strip()]
    if not lines:
        return ""
    named = [line for line in lines if _EXCEPTION.match(line)] if lines[0].startswith(_TRACEBACK) else []
    return named[-1] if named else lines[0].strip()


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"[U+{code:04X}]"
