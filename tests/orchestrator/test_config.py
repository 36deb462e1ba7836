"""What the orchestrator is told, and how it says that it was told wrong."""

from pathlib import Path

import pytest

from orchestrator.config import Config, read_config


def test_everything_has_a_default_but_the_token() -> None:
    assert read_config([], {"INTERNAL_API_KEY": "key"}) == Config(url="http://127.0.0.1:8000", orchestrator_id="local-1", token="key")
    with pytest.raises(SystemExit) as caught:
        read_config([], {})
    assert caught.value.code == 2


def test_an_option_beats_the_environment_and_that_the_default() -> None:
    environment = {
        "JOBSITE_TOKEN": "issued",
        "INTERNAL_API_KEY": "first,second",
        "JOBSITE_URL": "https://jobs.example/site/",
        "ORCHESTRATOR_ID": "from-environment",
        "ORCHESTRATOR_TYPES": "a,b",
        "ORCHESTRATOR_LABELS": "gpu, region:eu",
        "ORCHESTRATOR_MAX_JOBS": "9",
        "ORCHESTRATOR_SCRATCH": "/scratch",
    }
    config = read_config(["--id", "from-option", "--drain-seconds", "2.5", "--heartbeat-interval", "3"], environment)
    assert (config.orchestrator_id, config.max_jobs, config.job_types) == ("from-option", 9, ("a", "b"))
    assert config.labels == ("gpu", "region:eu")
    assert (config.url, config.token, config.scratch) == ("https://jobs.example/site", "issued", Path("/scratch"))
    assert (config.drain_seconds, config.heartbeat_interval) == (2.5, 3.0)
    del environment["JOBSITE_TOKEN"]
    assert read_config([], environment).token == "first"


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["--max-jobs", "0"], {}, "ORCHESTRATOR_MAX_JOBS"),
        ([], {"ORCHESTRATOR_MAX_JOBS": "many"}, "--max-jobs"),
        (["--url", "ftp://x"], {}, "http://127.0.0.1:8000"),
        (["--url", "http://user:word@host"], {}, "JOBSITE_URL"),
        (["--id", "with space"], {}, "A-Z a-z 0-9"),
        (["--types", "a,b c"], {}, "ORCHESTRATOR_TYPES"),
        (["--labels", "gpu,a b"], {}, "ORCHESTRATOR_LABELS"),
        (["--poll-interval", "nan"], {}, "from 0.1 to 3600"),
        (["--wait", "31"], {}, "from 0 to 30"),
        (["--token", "secret"], {}, "unrecognized arguments"),
        ([], {"INTERNAL_API_KEY": "with space"}, "INTERNAL_API_KEY"),
    ],
)
def test_a_bad_setting_is_named_with_its_mend(
    arguments: list[str], environment: dict[str, str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read_config(arguments, {"INTERNAL_API_KEY": "key", **environment})
    assert caught.value.code == 2
    assert named in capsys.readouterr().err


def test_help_names_every_option_and_variable_and_needs_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_config(["--help"], {})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in (
        "--url",
        "JOBSITE_URL",
        "--id",
        "ORCHESTRATOR_ID",
        "--drain-seconds",
        "JOBSITE_TOKEN",
        "INTERNAL_API_KEY",
        "JOBSITE_PROGRESS",
    ):
        assert word in text


def test_the_token_does_not_show_when_a_configuration_is_printed() -> None:
    assert "very-secret" not in repr(read_config([], {"INTERNAL_API_KEY": "very-secret"}))
