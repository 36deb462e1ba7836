"""What failed in the same way: the part of a failure that is the same each time, whoever ran it and whatever it was about.

A failure's *fault* is a digest of its category, its codes, its message with everything that varies taken out, and its top frame. Together
with the type of the job it is the fingerprint, by which failures are grouped: `failure_fingerprint` in the database says how (migration
0016). Reports are judged before their job is known, so the fault is reckoned here and the fingerprint by the door.

Every expression here takes a time that is linear in the text, whatever the text: what one gives up, none begins anew.
"""

import hashlib
import re
from dataclasses import dataclass

from jobs.failures import Category, ErrorDetail

# The version of the rule below. Another rule gives other fingerprints: count on, and say in the changelog to run regroup_failures.
RULE = 1
# Of a message and of a stack, so many characters are looked at.
LOOKED_AT = 8192
_CODE_LENGTH = 200
_FRAME_LENGTH = 300
_TITLE_LENGTH = 200


@dataclass(frozen=True)
class Likeness:
    """What two failures of one group have in common.

    Attributes:
        category: of the failure.
        code: exit code, error code and the error's own type, as far as they were sent, with spaces between.
        message: masked.
        frame: file and function in which it failed; empty when no stack tells it.
    """

    category: str
    code: str
    message: str
    frame: str

    @property
    def fault(self) -> str:
        """16 hex characters of SHA-256."""
        said = "\x1f".join((self.category, self.code, self.message, self.frame))
        return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:16]

    @property
    def title(self) -> str:
        """The message in one short line, for lists."""
        line = self.message or self.code or self.category
        return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1] + "…"


def likeness(*, category: str, exit_code: int | None, error: ErrorDetail | None, message: str | None, stderr: str = "") -> Likeness:
    """What a failure has in common with others of its kind.

    Args:
        error: as sent.
        message: what stands in `last_error`.
        stderr: what the run wrote to it, or the end of that.
    """
    said = error if isinstance(error, dict) else {}
    codes = (exit_code, said.get("code"), said.get("type"))
    stacks = (said.get("stack"), message, stderr)
    return Likeness(
        category=category,
        code=" ".join(str(code)[:_CODE_LENGTH] for code in codes if isinstance(code, str | int) and code != ""),
        message=masked(_words(message or "")),
        frame=next((frame for stack in stacks if isinstance(stack, str) and (frame := top_frame(stack))), ""),
    )


def masked(text: str) -> str:
    """A message without what varies from one failure to the next: `#` for numbers, times, ids, hex and IP addresses, `<…>` for the rest."""
    for pattern, mask in _VARIABLE:
        text = pattern.sub(mask, text)
    text = _WORD.sub(_masked_word, text)
    # 1.5 is as much one number as 15, and 10:05:00 one time.
    text = _SIGNED.sub("#", _CHAIN.sub("#", text))
    return " ".join(text.split())


def top_frame(stack: str) -> str:
    """File and function of the frame that failed, without line and column: of Python the last, of Java and JavaScript the first."""
    if of_python := _PYTHON_FRAME.findall(stack[-LOOKED_AT:]):
        place, function = of_python[-1]
        return _frame(place, function)
    return next((_frame(*parts) for line in stack[:LOOKED_AT].splitlines() if (parts := _at(line))), "")


def _words(text: str) -> str:
    """The message proper of an error that may be a whole stack."""
    if not text.startswith(_TRACEBACK):
        return "\n".join(line for line in text[:LOOKED_AT].splitlines() if not (_at(line) or _MORE_FRAMES.fullmatch(line.strip())))
    # A traceback names its error at its end; what is indented are frames and their source.
    ends = text[-LOOKED_AT:].splitlines()[1:]
    return "\n".join(line for line in ends if line.strip() and not line[0].isspace() and not line.startswith(_BETWEEN_TRACEBACKS))


_TRACEBACK = "Traceback (most recent call last)"
_BETWEEN_TRACEBACKS = (_TRACEBACK, "During handling of the above", "The above exception was")
_PYTHON_FRAME = re.compile(r'File "([^"\n]{1,1000})", line \d{1,9}, in ([^\n]{1,200})')
_MORE_FRAMES = re.compile(r"\.\.\. \d{1,9} (?:more|common frames omitted)")
_LINE_AND_COLUMN = re.compile(r"(?::\d{1,9}){1,2}$")


def _at(line: str) -> tuple[str, str] | None:
    """Place and function of a frame as Java and JavaScript write it: `at function (place:1:2)`, `at place:1:2`."""
    line = line.strip()
    if not line.startswith("at ") or len(line) > LOOKED_AT // 4:
        return None
    function, bracket, place = line[3:].removeprefix("async ").partition("(")
    if bracket and line.endswith(")"):
        return place[:-1], function
    return (function, "") if _LINE_AND_COLUMN.search(function) else None


def _frame(place: str, function: str) -> str:
    file = _LINE_AND_COLUMN.sub("", place).replace("\\", "/").rpartition("/")[2]
    return _WORD.sub(_masked_word, f"{file} {function.strip()}".strip()[:_FRAME_LENGTH])


# In this order: what stands in quotes is nobody's name, an address has a path, a path has numbers.
_VARIABLE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (r"\x1b\[[0-9;]*[A-Za-z]", ""),
        (r""""[^"\n]*"|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`|“[^“”\n]*”|\u2018[^\u2018\u2019\n]*\u2019|«[^«»\n]*»""", "<text>"),
        (r"""\b[A-Za-z][A-Za-z0-9+.-]{0,15}://[^\s<>"'`]*""", "<url>"),
        (r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}", "<email>"),
        # C:\temp\x, \\host\share; /tmp/x, ~/x, ../x; a/b/c, a/b.py
        (r"""(?<!\w)(?:[A-Za-z]:\\|\\\\)[^\s"'<>|:*?]*""", "<path>"),
        (r"""(?<![\w/.~-])(?:~|\.{1,2})?/[^\s:,;"'<>()\[\]{}|]+""", "<path>"),
        (r"(?<![\w.@+/-])[\w.@+-]+(?:/[\w.@+-]+){2,}/?", "<path>"),
        (r"(?<![\w.@+/-])[\w@+-]{1,100}/[\w@+-]{1,100}\.\w{1,10}(?![\w/])", "<path>"),
        (r"(?<!\w)[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?!\w)", "#"),
        # 2026-11-24T10:00:00.5+01:00, Tue Nov 24 10:00:00 UTC 2026, Tue, 24 Nov 2026 10:00:00 GMT
        (r"(?<!\w)\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?!\w))?", "#"),
        (
            r"(?<!\w)(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )?(?:\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
            r"[a-z]{0,6} \d{1,4}(?:,? \d{4})?(?: \d\d:\d\d(?::\d\d)?)?(?: [A-Z]{3,4}| [+-]\d{4})?(?: \d{4})?(?!\w)",
            "#",
        ),
        # IPv6: two colons at least, nothing but hex between them; one colon more is punctuation.
        (r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{0,38}?(?:[0-9A-Fa-f]|::)(?:%\w{1,15})?(?=:?(?![\w:]))", "#"),
        (r"(?<![\w.])\d{1,300}(?:\.\d{1,300})?[eE][+-]?\d{1,4}(?!\w)", "#"),
        (r"\bjob_\w+", "#"),
    )
)
_WORD = re.compile(r"[^\W_]+")
_HEX = re.compile(r"[0-9A-Fa-f]{8,}|0[xX][0-9A-Fa-f]+")
_DIGITS = re.compile(r"\d+")
_CHAIN = re.compile(r"#(?:[-_.,:/+]+ ?#)+")
_SIGNED = re.compile(r"(?<![\w#)\]>])[-+]#")
# Words with digits that are as long as this are ids.
_ID_LENGTH = 12


def _masked_word(found: re.Match[str]) -> str:
    word = found[0]
    if _HEX.fullmatch(word):
        return "#"
    if word.isalpha():
        return word
    runs = _DIGITS.findall(word)
    # sha256 and E42 are names that end in a number; a1b2 is an id.
    return "#" if len(runs) > 1 or (len(word) >= _ID_LENGTH and runs) else _DIGITS.sub("#", word)


# What the rules of the sweep say of a job that they fail (sql/stuck.sql, sql/judged.sql), and the faults of that: the database can't reckon
# them.
_OF_THE_SWEEP = {
    "lease_lost": (Category.LEASE_LOST, 'The lease ran out: no sign of life from "orchestrator"'),
    "timeout": (Category.TIMEOUT, "Timed out after 3600 s"),
    "unacknowledged": (Category.SYSTEM, 'Claimed 5 times and never acknowledged in time, last by "orchestrator"'),
    "release_loop": (Category.SYSTEM, 'Given back 10 times within 60 min, last by "orchestrator": nobody seems to be able to run it'),
}
FAULTS_OF_THE_SWEEP = {
    rule: likeness(category=category, exit_code=None, error=None, message=words).fault for rule, (category, words) in _OF_THE_SWEEP.items()
}
