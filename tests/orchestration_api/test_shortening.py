"""Answers told shorter: what is short stays whole, the answer fits, and it says what was cut."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_api.renderers import encoded
from orchestration_api.shortening import fitting

ROOM = 20_000
# Six bytes on the wire, two, three, four, one.
HOSTILE = ["\x01", "\\", "ä", "€", "🦀", "x"]

texts = st.builds(lambda piece, times: piece * times, st.sampled_from(HOSTILE), st.integers(0, 30_000))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.just(1e300) | texts,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text("abcdefgh", min_size=1, max_size=20), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=50, deadline=None)
@given(st.fixed_dictionaries({"id": st.text(max_size=30), "payload": values, "result": values, "lastError": st.none() | texts}))
def test_any_answer_fits_and_is_as_it_was_but_for_what_it_names(answer: dict[str, Any]) -> None:
    told = fitting(answer, most_bytes=ROOM, encode=encoded)

    assert len(encoded(told)) <= ROOM
    assert told["id"] == answer["id"]
    if len(encoded(answer)) <= ROOM:
        assert told is answer
    else:
        named = told.pop("shortened")
        assert named
        assert told != answer
        for cut in named:
            whole, shorter = (_at(cut["path"], root) for root in (answer, told))
            if isinstance(whole, str):
                assert cut["bytes"] == len(whole.encode())
                assert whole.startswith(shorter)
            else:
                assert (cut["bytes"], shorter) == (len(encoded(whole)), None)
        # Nothing else has changed.
        for cut in named:
            told, answer = _without(cut["path"], told), _without(cut["path"], answer)
        assert told == answer


def test_long_texts_share_the_room_and_short_ones_stay_whole() -> None:
    answer = {"short": "s" * 900, "long": {"a": "a" * 50_000, "b": "\x01" * 50_000, "c": 7}}
    told = fitting(answer, most_bytes=ROOM, encode=encoded)

    assert told["shortened"] == [{"path": "long.a", "bytes": 50_000}, {"path": "long.b", "bytes": 50_000}]
    assert (told["short"], told["long"]["c"]) == (answer["short"], 7)
    a, b = len(encoded(told["long"]["a"])), len(encoded(told["long"]["b"]))
    assert a == pytest.approx(b, abs=10)
    # Little is wasted.
    assert len(encoded(told)) > 0.95 * ROOM


@pytest.mark.parametrize("many", [[1e300] * 10_000, [[]] * 10_000, {str(n): n for n in range(10_000)}, ["word"] * 10_000])
def test_what_has_too_many_parts_is_left_out(many: Any) -> None:
    told = fitting({"id": "job_1", "result": {"artifacts": many, "exitCode": 3}}, most_bytes=ROOM, encode=encoded)

    assert told == {
        "id": "job_1",
        "result": {"artifacts": None, "exitCode": 3},
        "shortened": [{"path": "result.artifacts", "bytes": len(encoded(many))}],
    }


def test_what_must_be_whole_is_whole_however_long_the_rest() -> None:
    script, long = {"script": "x" * 9_000}, "o" * 50_000
    answer = {
        "jobs": [{"lease": {}, "payload": script}, *({"lease": {}, "payload": 1, "lastError": long} for _ in range(4))],
        "results": [{"error": long} for _ in range(100)],
    }
    told = fitting(answer, most_bytes=ROOM, encode=encoded, keep=lambda part: ["payload"] if "lease" in part else [])

    assert len(encoded(told)) <= ROOM
    assert [job["payload"] for job in told["jobs"]] == [script, 1, 1, 1, 1]
    assert [cut["path"] for cut in told["shortened"]] == [*(f"jobs[{n}].lastError" for n in range(1, 5)), "results"]


def _at(path: str, root: Any) -> Any:
    for found, node in _walk(root, ""):
        if found == path:
            return node
    raise AssertionError(f"{path} is not there")


def _walk(node: Any, path: str) -> Any:
    yield path, node
    if isinstance(node, dict):
        for key, inner in node.items():
            yield from _walk(inner, f"{path}.{key}".removeprefix("."))
    elif isinstance(node, list):
        for place, inner in enumerate(node):
            yield from _walk(inner, f"{path}[{place}]")


def _without(path: str, node: Any, here: str = "") -> Any:
    if here == path:
        return "cut"
    if isinstance(node, dict):
        return {key: _without(path, inner, f"{here}.{key}".removeprefix(".")) for key, inner in node.items()}
    if isinstance(node, list):
        return [_without(path, inner, f"{here}[{place}]") for place, inner in enumerate(node)]
    return node
