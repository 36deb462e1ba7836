"""What lies in deploy/ is taken by the programs that it is for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from jobs import metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian's package prometheus has it)")


@needs_promtool
def test_prometheus_takes_the_alert_rules() -> None:
    checked = subprocess.run(["promtool", "check", "rules", str(DEPLOY / "prometheus" / "alerts.yml")], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
def test_prometheus_takes_the_example_of_its_configuration() -> None:
    command = ["promtool", "check", "config", "--syntax-only", str(DEPLOY / "prometheus" / "prometheus.yml")]
    checked = subprocess.run(command, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_are_about_figures_that_are_told(live_db: str) -> None:
    asked = set(re.findall(r"jobsite_\w+", (DEPLOY / "prometheus" / "alerts.yml").read_text()))
    told = {family.name for family in metrics.OverSQL().collect()}

    assert {name.removesuffix("_total") for name in asked} <= told
