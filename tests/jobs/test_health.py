"""How an orchestrator is, at the boundaries of each word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.health import Health, health_of
from jobs.models import PauseMode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("silence", "health"),
    [(-1, "live"), (0, "live"), (44.9, "live"), (45, "late"), (299.9, "late"), (300, "offline"), (10**6, "offline")],
)
def test_who_is_silent_is_late_after_half_a_lease_and_then_offline(silence: float, health: str, settings: Any) -> None:
    settings.HEARTBEAT_LEASE_SECONDS, settings.OFFLINE_SECONDS = 90, 300

    assert health_of(NOW - timedelta(seconds=silence), stopped=None, now=NOW) == health


@pytest.mark.parametrize("silence", [0, 60, 10**6])
@pytest.mark.parametrize("mode", [PauseMode.DRAINED, PauseMode.DISABLED])
def test_what_staff_said_comes_first(mode: PauseMode, silence: float) -> None:
    assert health_of(NOW - timedelta(seconds=silence), stopped=mode, now=NOW) == Health(mode.value)
