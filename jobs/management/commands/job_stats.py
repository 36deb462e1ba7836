"""manage.py job_stats"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import metrics


class Command(BaseCommand):
    help = "Prints the figures that /metrics tells, read from the database now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--format", choices=("text", "json"), default="text", help="text: as Prometheus reads it; json: one list of samples"
        )

    def handle(self, **options: Any) -> None:
        if options["format"] == "text":
            self.stdout.write(metrics.told().decode(), ending="")
            return
        samples = [sample for family in metrics.OverSQL().collect() for sample in family.samples]
        self.stdout.write(json.dumps([{"name": one.name, "labels": one.labels, "value": _finite(one.value)} for one in samples]))


def _finite(value: float) -> float | None:
    """What JSON has a number for."""
    return value if value == value and abs(value) != float("inf") else None
