"""`python -m benchmarks.bodies`: what it costs to read a batch of 100 reports, as the server does and as Django REST framework would."""

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

import django
import msgspec
from django.conf import settings
from rest_framework import serializers

from benchmarks.figures import microseconds, ratio, rounds, table

# Shapes need no database; the models that they stand beside want to be installed.
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "jobs"])
django.setup()

from orchestration_api.serializers import Completion  # noqa: E402  not before the set-up
from orchestration_api.shapes import the  # noqa: E402

REPORTS = [{"status": "completed", "exitCode": 0, "leaseToken": f"1.{number:022}"} for number in range(100)]


class Plain(serializers.Serializer[Any]):
    """The same fields in the framework's own kinds."""

    orchestratorId = serializers.CharField(required=False, max_length=128, source="orchestrator_id")
    timestamp = serializers.DateTimeField(required=False, source="stated_at")
    leaseToken = serializers.CharField(required=False, max_length=200, source="lease_token")
    expectedUpdatedAt = serializers.DateTimeField(required=False, source="expected_updated_at")
    status = serializers.CharField(required=False)
    exitCode = serializers.IntegerField(required=False, source="exit_code")
    output = serializers.JSONField(required=False)
    error = serializers.JSONField(required=False)
    category = serializers.CharField(required=False, max_length=100)
    metrics = serializers.JSONField(required=False)
    artifacts = serializers.JSONField(required=False)
    scriptOutput = serializers.JSONField(required=False, source="script_output")
    condition = serializers.JSONField(required=False)
    items = serializers.JSONField(required=False)


class Floor(msgspec.Struct, rename="camel"):
    """What a compiled reader takes, of the three fields that are sent."""

    status: str | None = None
    exit_code: int | None = None
    lease_token: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bodies", description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=50, help="batches read in each way (default: 50)")
    options = parser.parse_args()
    plain = Plain()
    ways: dict[str, Callable[[], list[Any]]] = {
        "by its shape (ours)": lambda: [the(Completion).read(report).fields for report in REPORTS],
        "by the framework's serializer, one for all": lambda: [plain.run_validation(report) for report in REPORTS],
        "by the framework's serializer, one for each": lambda: [_valid(report) for report in REPORTS],
        "by a compiled struct, without our rules": lambda: [msgspec.convert(report, Floor) for report in REPORTS],
    }
    costs: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in random.sample(list(ways), len(ways)):
            began = time.process_time()
            ways[way]()
            costs[way].append(time.process_time() - began)
    ours = next(iter(costs.values()))
    rows = [[way, microseconds(cost), ratio(cost, ours)] for way, cost in costs.items()]
    print(table(["100 reports read", "CPU µs", "to ours"], rows))  # noqa: T201  this is the program's output


def _valid(report: dict[str, Any]) -> Any:
    serializer = Plain(data=report)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


if __name__ == "__main__":
    main()
