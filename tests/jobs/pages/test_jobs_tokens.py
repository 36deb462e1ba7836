"""The line that jobs are searched by: what it stands for, and how it refuses what it does not know."""

import pytest
from django.http import QueryDict
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.filters import WrongFilter
from jobs.search import parsed, pieces_of, written


@pytest.mark.parametrize(
    ("line", "parameters"),
    [
        ("", ""),
        ("status:failed type:report", "status=failed&type=report"),
        ("status:failed status:cancelled", "status=failed,cancelled"),
        ('exit:137 error:"timed out" error:disk', "exitCode=137&error=timed+out&error=disk"),
        ("priority:>=5 attempts:>1", "priorityMin=5&attemptsMin=2"),
        ("priority:<5 attempts:2..4", "priorityMax=4&attemptsMin=2&attemptsMax=4"),
        ("priority:7", "priorityMin=7&priorityMax=7"),
        ("created:24h", "createdWithin=24h"),
        ("created:2026-11-23", "createdAfter=2026-11-23T00:00:00.000000Z&createdBefore=2026-11-24T00:00:00.000000Z"),
        ("updated:>=2026-11-23T14:00:00Z", "updatedAfter=2026-11-23T14:00:00Z"),
        ("orchestrator:orch-1 label:gpu group:0123456789abcdef", "orchestratorId=orch-1&label=gpu&fingerprint=0123456789abcdef"),
        ("is:stuck category:timeout", "attention=stuck&category=timeout"),
        ('payload.customer.id=42 payload.kind="a b"', "payload=customer.id%3D42&payload=kind%3Da+b"),
        ("job_01KB", "id=job_01KB"),
        ('disk "no space" "job_words" "foo:bar"', "words=disk&words=no+space&words=job_words&words=foo:bar"),
        (r'error:"say \"no\" \\ never"', r'error=say+"no"+\+never'),
    ],
)
def test_a_line_stands_for_parameters_and_they_for_the_line(line: str, parameters: str) -> None:
    found = parsed(line)

    assert _plain(found) == _plain(QueryDict(parameters))
    assert _plain(parsed(written(found))) == _plain(found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("colour:red", "there is no filter 'colour'"),
        ("status:", "status: needs a value, like status:failed"),
        ('error:"timed out', "a quotation mark is not closed"),
        ("priority:high", "priority must be like 5, >=5, <5 or 5..9, not 'high'"),
        ("priority:<0", "nothing is less than 0"),
        ("created:soon", "created must be like 24h"),
        ("created:2026-13-45", "created must be like 24h"),
        ("created:24h created:12h", "created is said twice"),
        ("job_a job_b", "id is said twice"),
        ("a\0b", "there is no NUL"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(line: str, said: str) -> None:
    with pytest.raises(WrongFilter) as refusal:
        parsed(line)

    assert said in str(refusal.value)


# What people type: any text, and texts that look like tokens.
_LINES = st.text() | st.lists(
    st.sampled_from(["status", "type", "exit", "priority", "created", "payload.a", "is", "error", "id", "job_1", "", "x"]).flatmap(
        lambda name: st.sampled_from([":", ":>=", "=", ' "', ':"', ""]).flatmap(
            lambda mark: st.text(max_size=8).map(lambda value: f"{name}{mark}{value}")
        )
    )
).map(" ".join)


@given(_LINES)
@example('"')
@example(":")
@example("payload.=")
def test_whatever_is_typed_is_read_the_same_again_or_refused(line: str) -> None:
    try:
        found = parsed(line)
    except WrongFilter:
        return

    assert _plain(parsed(written(found))) == _plain(found)
    # Each piece can be said, and taken away.
    pieces = pieces_of(found)
    assert bool(pieces) == bool(found)
    assert all(len(pieces_of(piece.without)) < len(pieces) for piece in pieces)


@given(st.lists(st.text(min_size=1).filter(lambda text: "\0" not in text), min_size=1))
def test_any_words_are_written_so_that_they_are_read_as_words(words: list[str]) -> None:
    found = QueryDict(mutable=True)
    found.setlist("words", words)

    assert parsed(written(found)).getlist("words") == words


def _plain(parameters: QueryDict) -> dict[str, list[str]]:
    return {name: [str(value) for value in parameters.getlist(name)] for name in parameters}
