"""The shape of what comes in about failure groups."""

from typing import Any

from rest_framework import serializers

from jobs.bulk import LONGEST_SPREAD, MOST_CANARIES
from orchestration_api.fields import Moment, Reason, Text, Whole
from orchestration_api.shapes import WireSerializer


class Reopening(WireSerializer):
    reason = Text(required=False, max_length=2000)


class GroupRetry(WireSerializer):
    reason = Reason()
    canaries = Whole(required=False, min_value=1, max_value=MOST_CANARIES)
    overSeconds = Whole(required=False, min_value=0, max_value=int(LONGEST_SPREAD.total_seconds()), source="over_seconds")


class Resolving(Reopening):
    note = Text(required=False, max_length=10_000)


class Acknowledging(Resolving):
    owner = Text(required=False, allow_blank=False, max_length=150)


class Snoozing(Reopening):
    until = Moment(required=False)
    failures = Whole(required=False, min_value=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not {"until", "failures"} & attrs.keys():
            raise serializers.ValidationError({"until": ["until or failures is needed"]}, code="required")
        return attrs
