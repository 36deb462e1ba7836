"""A search as one would say it, a piece for each filter."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import QueryDict

from jobs import times
from jobs.search.tokens import TOKENS, Token

_KEYS = {"is": "", "exit": "exit code", "orchestrator": "held by", "group": "failure group", "id": "id begins"}


@dataclass(frozen=True)
class Piece:
    """
    Attributes:
        key: what it is about; may be empty.
        words: what is said of that.
        without: the parameters of the search without it.
    """

    key: str
    words: str
    without: QueryDict

    def __str__(self) -> str:
        return f"{self.key} {self.words}".strip()


def pieces_of(parameters: QueryDict) -> list[Piece]:
    """What a search says, in the order of the table of tokens."""
    found = []
    for token in TOKENS:
        if any(name in parameters for name in token.parameters):
            if token.kind == "text":
                found += _each(token.parameters[0], token.name, parameters)
            else:
                found.append(Piece(_KEYS.get(token.name, token.name), _words(token, parameters), _without(parameters, *token.parameters)))
    return found + _each("payload", "payload", parameters) + _each("words", "", parameters)


def in_words(parameters: QueryDict) -> str:
    """The whole of it, for the log: `status failed, priority 5 or higher`."""
    return ", ".join(str(piece) for piece in pieces_of(parameters)) or "all jobs"


def _each(name: str, key: str, parameters: QueryDict) -> list[Piece]:
    values = parameters.getlist(name)
    pieces = []
    for place, value in enumerate(values):
        rest = _without(parameters, name)
        rest.setlist(name, values[:place] + values[place + 1 :])
        pieces.append(Piece(key, value, rest))
    return pieces


def _words(token: Token, parameters: QueryDict) -> str:
    if token.kind == "range":
        return _range(*(parameters.get(name) for name in token.parameters))
    if token.kind == "time":
        return _time(*(parameters.get(name) for name in token.parameters))
    return " or ".join(str(parameters[token.parameters[0]]).split(","))


def _range(least: str | None, most: str | None) -> str:
    if least is not None and most is not None:
        return least if least == most else f"{least} to {most}"
    return f"{least} or higher" if least is not None else f"{most} or lower"


def _time(within: str | None, after: str | None, before: str | None) -> str:
    if after and before and (day := _day(after, before)):
        return f"on {day}"
    said = [f"last {within}"] if within else []
    said += [f"since {_clock(after)}"] if after else []
    return " ".join([*said, *([f"before {_clock(before)}"] if before else [])])


def _day(after: str, before: str) -> str:
    """The day in UTC that is meant by its beginning and that of the next one."""
    try:
        begins, ends = times.read(after), times.read(before)
    except ValueError:
        return ""
    whole = ends - begins == timedelta(days=1) and begins.time() == begins.min.time()
    return f"{begins:%-d %b %Y}" if whole else ""


def _clock(text: str) -> str:
    try:
        return f"{times.read(text):%-d %b %H:%M} UTC"
    except ValueError:
        return text


def _without(parameters: QueryDict, *names: str) -> QueryDict:
    rest = parameters.copy()
    for name in names:
        rest.pop(name, None)
    return rest
