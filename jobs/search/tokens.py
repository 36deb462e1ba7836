"""The line that jobs are searched by, `status:failed exit:137 error:"timed out" priority:>=5`: read once into parameters of JobSearchSet.

What a parameter is called in the line, how its value is written there, and how a chip says it, stands in one table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.http import QueryDict

from jobs import times
from jobs.filters import WrongFilter
from jobs.ids import PREFIX

_PAYLOAD = "payload."
# A word, or `name:value`; quotes hold spaces together, and a backslash in them says that a quote is meant.
_TOKEN = re.compile(r'(?P<name>[^\s":=]*:)?(?P<value>(?:"(?:[^"\\]|\\.)*"|[^\s"])+)?', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN = re.compile(r'[^\s":]+')
_RANGE = re.compile(r"(>=|<=|>|<)?(\d{1,10})(?:\.\.(\d{1,10}))?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Token:
    """
    Attributes:
        name: before the colon.
        parameters: of JobSearchSet that it is about.
        kind: how its value is read: `list` (commas, may be repeated), `range` (of numbers), `time` or `text` (may be repeated).
    """

    name: str
    parameters: tuple[str, ...]
    kind: str = "list"
    examples: str = field(default="", compare=False)


TOKENS = (
    Token("status", ("status",), examples="status:failed"),
    Token("type", ("type",), examples="type:report"),
    Token("is", ("attention",), "one", examples="is:stuck"),
    Token("exit", ("exitCode",), examples="exit:137"),
    Token("category", ("category",), examples="category:timeout"),
    Token("error", ("error",), "text", examples='error:"timed out"'),
    Token("group", ("fingerprint",), examples="group:0123456789abcdef"),
    Token("orchestrator", ("orchestratorId",), examples="orchestrator:orch-1"),
    Token("label", ("label",), examples="label:gpu"),
    Token("priority", ("priorityMin", "priorityMax"), "range", examples="priority:>=5"),
    Token("attempts", ("attemptsMin", "attemptsMax"), "range", examples="attempts:>1"),
    Token("created", ("createdWithin", "createdAfter", "createdBefore"), "time", examples="created:24h"),
    Token("updated", ("updatedWithin", "updatedAfter", "updatedBefore"), "time", examples="updated:>=2026-11-23T14:00:00Z"),
    Token("id", ("id",), "one", examples="id:job_01KB"),
)
_BY_NAME = {token.name: token for token in TOKENS}


def parsed(line: str) -> QueryDict:
    """The parameters that a line stands for.

    Raises:
        WrongFilter: a token is none, stands twice or has no value that could be read.
    """
    found = QueryDict(mutable=True)
    for name, value in _tokens(line):
        if name is None:
            found.appendlist("words", value)
        elif name == PREFIX:
            _add(found, _BY_NAME["id"], value)
        elif name == _PAYLOAD:
            found.appendlist("payload", value)
        elif name in _BY_NAME:
            _add(found, _BY_NAME[name], value)
        else:
            known = ", ".join(_BY_NAME)
            raise _wrong(
                f"there is no filter {name!r}. There are {known} and payload.key=value; in quotes, the words themselves are sought"
            )
    return found


def written(parameters: QueryDict) -> str:
    """The line that stands for parameters; read again it is these."""
    pieces = []
    for token in TOKENS:
        pieces += [f"{token.name}:{value}" for value in _values_of(token, parameters)]
    pieces += [f"{_PAYLOAD}{_quoted_pair(pair)}" for pair in parameters.getlist("payload")]
    pieces += [_as_word(word) for word in parameters.getlist("words")]
    return " ".join(pieces)


def _tokens(line: str) -> Iterator[tuple[str | None, str]]:
    """Name and value of each. Of a payload's value the name is `payload.`, of what begins like an id `job_`; other words have none."""
    place = 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        match = _TOKEN.match(line, place)
        if not match or match.end() == place:
            raise _wrong("a quotation mark is not closed")
        place = match.end()
        if place < len(line) and not line[place].isspace():
            raise _wrong("a quotation mark is not closed")
        name, raw = match["name"], match["value"] or ""
        value = _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), raw)
        if "\0" in value:
            raise _wrong("there is no NUL in anything")
        if not name and raw.startswith(_PAYLOAD) and "=" in raw:
            yield _PAYLOAD, value.removeprefix(_PAYLOAD)
        elif not name:
            if value:
                yield (PREFIX if raw.startswith(PREFIX) else None), value
        elif not value:
            raise _wrong(f"{name} needs a value, like {_example(name[:-1])}")
        else:
            yield name[:-1], value


def _add(found: QueryDict, token: Token, value: str) -> None:
    if token.kind == "list":
        (name,) = token.parameters
        found[name] = f"{found[name]},{value}" if name in found else value
    elif token.kind == "text":
        found.appendlist(token.parameters[0], value)
    else:
        read = {"range": _range, "time": _time, "one": _one}[token.kind](token, value)
        for name, text in read.items():
            if name in found:
                raise _wrong(f"{token.name} is said twice")
            found[name] = text


def _one(token: Token, value: str) -> dict[str, str]:
    return {token.parameters[0]: value}


def _range(token: Token, value: str) -> dict[str, str]:
    match = _RANGE.fullmatch(value)
    if not match or (match[1] and match[3]):
        raise _wrong(f"{token.name} must be like 5, >=5, <5 or 5..9, not {value!r}")
    sign, least, most = match[1], int(match[2]), int(match[3] or match[2])
    lowest, highest = token.parameters
    if not sign:
        return {lowest: str(least), highest: str(most)}
    if sign[0] == ">":
        return {lowest: str(least + (sign == ">"))}
    if sign == "<" and least == 0:
        raise _wrong(f"nothing is less than 0: {token.name}")
    return {highest: str(least - (sign == "<"))}


def _time(token: Token, value: str) -> dict[str, str]:
    within, after, before = token.parameters
    try:
        if _DAY.fullmatch(value):
            day = times.read(f"{value}T00:00:00Z")
            return {after: times.written(day), before: times.written(day + timedelta(days=1))}
        if value.startswith((">", "<")):
            moment = value.lstrip("<>=")
            times.read(moment)
            return {after if value[0] == ">" else before: moment}
        times.read_span(value)
    except ValueError:
        raise _wrong(f"{token.name} must be like 24h, 2026-11-23, >=2026-11-23T14:00:00Z or <2026-11-23T14:00:00Z, not {value!r}") from None
    return {within: value}


def _values_of(token: Token, parameters: QueryDict) -> Iterator[str]:
    """What stands after the colon, for each time that the token is written."""
    if token.kind == "range":
        least, most = (parameters.get(name) for name in token.parameters)
        if least is not None and most is not None:
            yield least if least == most else f"{least}..{most}"
        elif least is not None or most is not None:
            yield f">={least}" if least is not None else f"<={most}"
    elif token.kind == "time":
        for name, sign in zip(token.parameters, ("", ">=", "<"), strict=True):
            if name in parameters:
                yield f"{sign}{parameters[name]}"
    else:
        for name in token.parameters:
            yield from (_quoted(value) for value in parameters.getlist(name))


def _quoted_pair(pair: str) -> str:
    key, mark, value = pair.partition("=")
    return f"{_quoted(key)}{mark}{_quoted(value) if value else ''}"


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _as_word(word: str) -> str:
    return f'"{word}"' if word.startswith((PREFIX, _PAYLOAD)) and _PLAIN.fullmatch(word) else _quoted(word)


def _example(name: str) -> str:
    return _BY_NAME[name].examples if name in _BY_NAME else "status:failed"


def _wrong(words: str) -> WrongFilter:
    return WrongFilter({"Search": [f"{words}."]})
