"""A payload has one shape, and whoever sends another is told what is wrong with it."""

import pytest

from orchestrator.script import PayloadRefused, read_script


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (None, "payload must be an object"),
        ([], "payload must be an object"),
        ({"script": "echo hello"}, "payload.script must be an object"),
        ({"script": {"type": "COBOL", "content": ""}}, "payload.script.type must be one of BASH, PYTHON, NODEJS, not 'COBOL'"),
        ({"script": {"type": ["BASH"], "content": ""}}, "payload.script.type must be one of"),
        ({"script": {"type": "BASH"}}, "payload.script.content must be a string"),
        ({"script": {"type": "BASH", "content": ""}, "environment": ["A"]}, "payload.environment must be an object of strings"),
        ({"script": {"type": "BASH", "content": ""}, "environment": {"A": 1}}, "payload.environment.A must be a string"),
        ({"script": {"type": "BASH", "content": ""}, "environment": {"A=B": ""}}, "no process can be given: 'A=B'"),
        ({"script": {"type": "BASH", "content": ""}, "environment": {"A": "\0"}}, "no process can be given: 'A'"),
        ({"script": {"type": "BASH", "content": ""}, "inputData": []}, "payload.inputData must be an object"),
    ],
)
def test_a_payload_of_another_shape_is_refused_with_the_reason(payload: object, words: str) -> None:
    with pytest.raises(PayloadRefused) as caught:
        read_script(payload)
    assert words in str(caught.value)


def test_keys_of_other_orchestrators_are_left_alone() -> None:
    script = read_script({"script": {"type": "BASH", "content": "true"}, "target": {"type": "local"}, "environment": None, "timeout": 5})
    assert (script.content, script.environment, script.input_values) == ("true", {}, {})
