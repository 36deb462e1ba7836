"""The shape of what comes in about bulk operations."""

from typing import Any

from rest_framework import serializers

from jobs.bulk import ACTIONS, MOST
from orchestration_api.fields import Flag, Text, Whole, Words
from orchestration_api.shapes import WireSerializer


class JobFilter(WireSerializer):
    """Which jobs: the parameters of `GET /jobs`, at least one."""

    status = Text(required=False)
    type = Text(required=False)
    orchestratorId = Text(required=False)
    category = Text(required=False)
    label = Text(required=False)  # type: ignore[assignment]  # a field here, whatever the base class calls so
    fingerprint = Text(required=False)
    createdAfter = Text(required=False)
    createdBefore = Text(required=False)
    updatedAfter = Text(required=False)
    refuses_unknown = "is not known here"

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(f"needs at least one of {', '.join(self.fields)}")
        return attrs


class BulkArguments(WireSerializer):
    """What the action needs to know."""

    priority = Whole(required=False, min_value=0, max_value=100)
    refuses_unknown = "is not known here"


class NewBulkOperation(WireSerializer):
    action = Text()
    ids = Words(longest=50, required=False, max_length=MOST)
    filter = JobFilter(required=False)
    arguments = BulkArguments(required=False)
    confirm = Flag(required=False, default=False)
    reason = Text(required=False, allow_blank=False, max_length=2000)
    refuses_unknown = "is not known here"

    def validate_action(self, action: str) -> str:
        if action not in ACTIONS:
            raise serializers.ValidationError(f"must be one of {', '.join(ACTIONS)}")
        return action

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "ids" in attrs and "filter" in attrs:
            raise serializers.ValidationError({"filter": ["ids and filter exclude each other"]})
        if "ids" not in attrs and "filter" not in attrs:
            raise serializers.ValidationError({"filter": ["ids or filter is needed"]}, code="required")
        if attrs["confirm"] and "reason" not in attrs:
            raise serializers.ValidationError({"reason": ["is needed to confirm"]}, code="required")
        return attrs


class Confirmation(WireSerializer):
    reason = Text(allow_blank=False, max_length=2000)
    refuses_unknown = "is not known here"


class Steering(WireSerializer):
    """What is sent with a pause, a resume or a stop."""

    reason = Text(required=False, max_length=2000)
    refuses_unknown = "is not known here"
