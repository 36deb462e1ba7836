"""What failed in the same way: the part of a failure that is the same each time, whoever ran it and whatever it was about.

A failure's *fault* is a digest of its category, its codes, its message with everything that varies taken out, and its top frame. Together
with the type of the job it is the fingerprint, by which failures are grouped: `failure_fingerprint` in the database says how (migration
0016). Reports are judged before their job is known, so the fault is reckoned here and the fingerprint by the door.

Every expression here takes a time that is linear in the text, whatever the text: what one gives up, none begins anew.
"""

import hashlib
import re
from collections.abc import Callable
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
    text = _JOINED.sub(_masked_words, text)
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
_NO_FILE = re.compile(r"Native Method|Unknown Source|native|<anonymous>|index \d{1,9}")
_QUALIFIED = re.compile(r"[^\s.]+\.\S+")


def _at(line: str) -> tuple[str, str] | None:
    """Place and function of a frame as Java and JavaScript write it: `at a.b(place)`, `at function (place:1:2)`, `at place:1:2`."""
    line = line.strip()
    if not line.startswith("at ") or len(line) > LOOKED_AT // 4:
        return None
    function, bracket, place = line[3:].removeprefix("async ").partition("(")
    if bracket and line.endswith(")"):
        return (place[:-1], function) if _is_place(place[:-1]) or _QUALIFIED.fullmatch(function) else None
    return (function, "") if _is_place(function) else None


def _is_place(text: str) -> bool:
    """Words of a message may stand in brackets behind "at", too; and a time ends as a line and a column do."""
    ending = _LINE_AND_COLUMN.search(text)
    return not text[: ending.start()].rpartition(" ")[2].isdigit() if ending else bool(_NO_FILE.fullmatch(text))


def _frame(place: str, function: str) -> str:
    file = _LINE_AND_COLUMN.sub("", place).replace("\\", "/").rpartition("/")[2]
    # Names in code: whoever wrote a1b2 there will write it again, but what is long may be made anew.
    return _WORD.sub(_masked_name, f"{file} {function.strip()}".strip()[:_FRAME_LENGTH])


def _masked_name(found: re.Match[str]) -> str:
    word = found[0]
    runs = _DIGITS.findall(word)
    return "#" if _HEX.fullmatch(word) or len(runs) > 1 or (len(word) >= _ID_LENGTH and runs) else _DIGITS.sub("#", word)


_QUOTED = r""""[^"\n]*"|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`|“[^“”\n]*”|\u2018[^\u2018\u2019\n]*\u2019|«[^«»\n]*»"""
# In this order: what stands in quotes is nobody's name, an address has a path, a path has numbers.
_VARIABLE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (r"\x1b\[[0-9;]*[A-Za-z]", ""),
        (
            # What a line of JSON or of key=value says of itself, when that is all of the value; a name in quotes may stand behind "error:".
            # (The first signs of it all: most places are passed over at once.)
            r"""(?=["'`“\u2018«merd])(?:"""
            r"""(?<!\w)(?P<mark>["']?)(?P<key>msg|message|error|err|reason|detail)(?P=mark)(?P<sign>\s{0,3}[:=]\s{0,3})"""
            r"""(?:"(?P<said>(?:[^"\\\n]|\\.)*+)"|'(?P<told>[^'\n]*+)')"""
            r"""(?=\s{0,3}(?:[}\])]|\n|\Z|,\s{0,3}["'])|\s{1,3}[A-Za-z_][\w.-]{0,63}=)"""
            # Their keys, so that they can be read.
            r"""|(?:(?<=[{,])|(?<=[{,]\s))(?P<quote>["'])(?P<name>[A-Za-z_][\w.-]{0,63})(?P=quote)"""
            r"""(?=\s{0,3}:\s{0,3}(?:["'{\[\d-]|(?:true|false|null|True|False|None)(?!\w)))"""
            rf"|{_QUOTED})",
            lambda found: _unquoted(found),
        ),
        (r"\bHTTP/\d(?:\.\d)?(?!\w)", "HTTP"),
        (r"""\b[A-Za-z][A-Za-z0-9+.-]{0,15}://[^\s<>"'`]*""", "<url>"),
        (r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}", "<email>"),
        (r"(?<![\w/.~@:\\+-])[0-9A-Za-z_][0-9A-Za-z+/_-]{15,}+={0,2}(?![\w@\\]|\.\w)", lambda found: _masked_base64(found)),
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
        # What Kubernetes puts behind the name of a pod: of a replica set or the minute of a cron job, and its own.
        (r"(?<=\w)-(?:[bcdfghjklmnpqrstvwxz2456789]{8,10}|\d{8,10})-[bcdfghjklmnpqrstvwxz2456789]{5}(?![\w-])", "-#"),
    )
)
_WORD = re.compile(r"[^\W_]+")
_ESCAPED = re.compile(r"\\(.)")
_JOINED = re.compile(r"[^\W_]++(?:[-_]++[^\W_]++)*+")
_HEX = re.compile(r"[0-9A-Fa-f]{8,}|(?=[A-Fa-f]*[0-9])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{7}|0[xX][0-9A-Fa-f]+")
_DIGITS = re.compile(r"\d+")
_CHAIN = re.compile(r"#(?:[-_.,:/+]+ ?#)+")
_SIGNED = re.compile(r"(?<![\w#)\]>])[-+]#")
# Words with digits that are as long as this are ids.
_ID_LENGTH = 12
# Their numbers are part of the name.
_NAME = re.compile(
    r"utf-?(?:8|16|32)(?:mb4)?|iso-8859-\d{1,2}|latin1|cp125\d|base(?:32|64)|md5|sha-?(?:1|2|3|224|256|384|512)|x509|p12|http[123]|h2|ipv[46]"
    r"|py(?:thon)?[23]|x86(?:_64)?|x64|arm64|amd64|i386|win(?:32|64)|u?int(?:8|16|32|64)|float(?:32|64)|s3|ec2|k[38]s|log4j|slf4j"
    r"|oauth2|bzip2|lz4|mp[34]|h26[45]|i18n|l10n|a11y|[bep]2[bep]",
    re.IGNORECASE,
)
# 404 and 503 are different failures.
_STATUS = re.compile(r"[1-5]\d\d")
_BEFORE_STATUS = re.compile(r"(?:status(?:[ _-]?code)?|\bHTTP)(?: status| error| code)?[\s:=(]{1,3}$", re.IGNORECASE)
_STATUS_LENGTH = 24
# Http2Client, S3Error: other names of such a form are other things.
_CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]*+)++\d{1,2}(?:[A-Z][a-z]{2,})+")
_WITH_UNIT = re.compile(r"\d+(?:[num]?s|[kKMGTP]?i?[bB]|[kKMG]|h|m|d|min|sec|th|st|nd|rd|x|px|mb|kb|gb)")
_NUMBERED = re.compile(r"[^\W\d_]+\d+")
_UNSPEAKABLE = re.compile(r"(?:[bcdfghjklmnpqrstvwxz]{4,}|(?=[a-z]*[bcdfghjklmnpqrstvwxz]{5})[a-z]+)\d+")
_SPEAKABLE = re.compile(r"[A-Z]?[a-z]{3,}")
_CAPITAL = re.compile(r"[A-Z]")
_TURN = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[0-9]|(?<=[0-9])[A-Za-z]")
_PLAIN = re.compile(r"[A-Z]?[a-z]*(?:[A-Z][a-z]{2,})*|[A-Z]+")


def _unquoted(found: re.Match[str]) -> str:
    if found["name"]:
        return found["name"]
    if not found["key"]:
        return "<text>"
    said = found["told"] if found["said"] is None else _ESCAPED.sub(lambda sign: " " if sign[1] in "nrt" else sign[1], found["said"])
    return found["key"] + found["sign"] + re.sub(_QUOTED, "<text>", said)


def _masked_words(found: re.Match[str]) -> str:
    """Words joined by - or _: where one is an id, the rest of that is what nobody would write so."""
    words, start = found[0], found.start()
    if words.isalpha():
        return "#" if _HEX.fullmatch(words) else words
    if _STATUS.fullmatch(words) and _BEFORE_STATUS.search(found.string[max(0, start - _STATUS_LENGTH) : start]):
        return words
    if _NAME.fullmatch(words):
        return words
    masks = {word: _masked_word(word) for word in _WORD.findall(words)}
    if "#" in masks.values():
        masks |= {word: "#" for word in masks if word.isascii() and word.isalpha() and not _PLAIN.fullmatch(word)}
    return _WORD.sub(lambda word: masks[word[0]], words)


def _masked_word(word: str) -> str:
    if _HEX.fullmatch(word):
        return "#"
    if word.isalpha() or _NAME.fullmatch(word) or not _DIGITS.search(word):
        return word
    # E42 and order12345 are names that end in a number; a1b is an id.
    numbered = len(word) < _ID_LENGTH and _NUMBERED.fullmatch(word) and not _UNSPEAKABLE.fullmatch(word)
    return _DIGITS.sub("#", word) if numbered or _WITH_UNIT.fullmatch(word) or _CAMEL_CASE.fullmatch(word) else "#"


def _masked_base64(found: re.Match[str]) -> str:
    """Small letters, capitals and digits take turns in it more often than in any name."""
    text = found[0]
    words = _WORD.findall(text)
    if text.islower() or text.isupper() or any(_SPEAKABLE.fullmatch(word) for word in words):
        return text
    turns = sum(len(_TURN.findall(word)) for word in words)
    if _DIGITS.search(text) and 4 * turns >= len(text) - 2:
        return "#"
    mostly_capital = 5 * len(_CAPITAL.findall(text)) >= 2 * len(text)
    return "#" if turns >= 3 and (mostly_capital or text.endswith("==")) else text


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
