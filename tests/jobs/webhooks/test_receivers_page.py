"""What docs/webhooks.md shows to receivers does what it says."""

import os
import re
import subprocess
from typing import Any

import pytest
from standardwebhooks import Webhook

from jobs import times
from jobs.failures import Category
from jobs.webhooks import events, signing
from jobs.webhooks.schedule import DELAYS
from tests.server import REPOSITORY

PAGE = (REPOSITORY / "docs" / "webhooks.md").read_text()
BODY = '{"type": "job.failed", "data": {"jobType": "bücher"}}'


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def test_the_shell_signs_as_the_library_does() -> None:
    secret, at = signing.new_secret(), times.now()
    signed = signing.headers(BODY, event_id="evt_1", at=at, keys=[secret])
    environment = {**os.environ, "SECRET": secret, "ID": "evt_1", "TIMESTAMP": str(signed["webhook-timestamp"]), "BODY": BODY}
    said = subprocess.run(["sh", "-euc", block("sh")], env=environment, check=True, capture_output=True, text=True).stdout.strip()

    assert f"v1,{said}" == signed["webhook-signature"]


def test_the_example_in_python_takes_a_message_once_and_refuses_a_forged_one() -> None:
    secret = signing.new_secret()
    kept: dict[str, Any] = {}
    names: dict[str, Any] = {"seen_before": kept.__contains__, "remember": kept.__setitem__}
    exec(block("python").replace("whsec_…", secret), names)  # noqa: S102  our own page
    signed = {str(name): str(value) for name, value in signing.headers(BODY, event_id="evt_1", at=times.now(), keys=[secret]).items()}

    assert [names["receive"](BODY.encode(), signed) for _ in range(2)] == [204, 204]
    assert kept == {"evt_1": Webhook(secret).verify(BODY, signed)}
    assert names["receive"](BODY.replace("failed", "queued").encode(), signed) == 401


def test_it_names_every_event_and_the_schedule() -> None:
    for event in (*events.EVENTS, events.TEST):
        assert f"`{event}`" in PAGE
    spoken = {
        5: "5 s",
        300: "5 min",
        1800: "30 min",
        7200: "2 h",
        18_000: "5 h",
        36_000: "10 h",
        50_400: "14 h",
        72_000: "20 h",
        86_400: "24 h",
    }
    assert f"After {', '.join(spoken[each] for each in DELAYS[1:-1])} and {spoken[DELAYS[-1]]}" in PAGE


@pytest.mark.parametrize("category", Category)
def test_no_category_is_longer_than_its_column(category: Category) -> None:
    assert len(category) <= 20
