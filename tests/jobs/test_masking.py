"""What counts as a secret is told by its key."""

import pytest

from jobs.masking import MASK, MOST_SHOWN, is_secret, mask, shown


@pytest.mark.parametrize(
    "key",
    ["password", "DB_PASSWORD", "dbpassword", "secret", "clientSecret", "token", "accessToken", "api_key", "apiKey", "API-KEY", "apikey",
     "private_key", "Authorization", "credentials", "cookie", "pwd", "key", "AWS_ACCESS_KEY_ID", "auth", "jwt", "passcode",
     "connectionString"],
)  # fmt: skip
def test_keys_of_secrets_are_known(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["monkey", "keyboard", "author", "type", "passenger", "compass", "region", "url", "authors"])
def test_harmless_keys_are_left_alone(key: str) -> None:
    assert not is_secret(key)


def test_masking_reaches_into_lists_and_objects_and_counts() -> None:
    value = {"a": [{"token": "t", "b": {"secret": {"deep": 1}}}], "c": None, "password": ""}
    assert mask(value) == ({"a": [{"token": MASK, "b": {"secret": MASK}}], "c": None, "password": ""}, 2)


def test_a_named_variable_is_masked_by_its_name() -> None:
    assert mask([{"name": "DB_PASSWORD", "value": "x"}, {"name": "HOME", "value": "/"}])[0] == [
        {"name": "DB_PASSWORD", "value": MASK},
        {"name": "HOME", "value": "/"},
    ]


def test_a_large_value_is_cut_and_says_so() -> None:
    document = shown(["x" * 1000] * 200)
    assert document.is_cut
    assert len(document.text) == MOST_SHOWN < document.length
    assert not shown({"x": 1}).is_cut
