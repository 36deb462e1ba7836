"""How values are written: compact JSON in UTF-8 that every reader takes for what was meant."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestration_api.renderers import encoded

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(values)
@example([1e22, 1e-7, 1.0, -0.0, 5e-324, 1e16, 2**64, 10**300])
@example({"z": 1, "a": {'\x00\x1f\x7f\u2028€🦀"\\/': []}})
def test_what_is_written_is_read_as_the_same_with_its_keys_in_order(value: Any) -> None:
    read = json.loads(encoded(value))

    assert repr(read) == repr(value)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nothing_is_escaped_that_need_not_be_and_no_space_is_wasted(value: Any) -> None:
    assert encoded(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}, object()], ids=["half a pair", "half a pair in a key", "an object"])
def test_what_is_no_json_is_not_written(value: Any) -> None:
    with pytest.raises((UnicodeEncodeError, TypeError)):
        encoded(value)
