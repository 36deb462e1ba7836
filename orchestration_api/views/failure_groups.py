"""Failures that are alike, and what people make of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import bulk, failure_groups, times, triage
from jobs.actors import Actor
from jobs.filters import FailureGroupFilterSet, WrongFilter
from jobs.models import FailureCount, FailureGroup, Scope
from jobs.triage import NoSuchGroup, Triaged, TriageRefused
from orchestration_api import queries
from orchestration_api.exceptions import WireError
from orchestration_api.idempotency import once_per_key
from orchestration_api.permissions import opened_by
from orchestration_api.representations import BulkOperationOut, CanaryRetryOut, FailureGroupOut
from orchestration_api.shapes import WireSerializer
from orchestration_api.triage_bodies import Acknowledging, GroupRetry, Reopening, Resolving, Snoozing
from orchestration_api.views.base import MachineViewSet

# Of the hours that are told of one group.
HOURS_TOLD = timedelta(days=7)


class FailureGroupViewSet(MachineViewSet):
    """`/failure-groups`, `/failure-groups/{fingerprint}`, and the acts of triage."""

    lookup_field = "fingerprint"

    @opened_by(Scope.READ)
    def index(self, request: Request) -> Response:
        queries.only(request, *FailureGroupFilterSet.base_filters, "cursor", "pageSize")
        filters = FailureGroupFilterSet(request.query_params, queryset=FailureGroup.objects.all())
        try:
            chosen = filters.chosen()
        except WrongFilter as wrong:
            raise ValidationError(wrong.fields) from None
        size = queries.whole(request, "pageSize", 1, 200, default=50)
        try:
            page = failure_groups.last_seen_first(chosen, after=request.query_params.get("cursor"), size=size)
        except ValueError as error:
            raise ValidationError({"cursor": [str(error)]}) from None
        failed = failure_groups.failed_now([group.fingerprint for group in page.groups])
        return Response({"results": [FailureGroupOut.of_group(group, failed) for group in page.groups], "next": page.next})

    @opened_by(Scope.READ)
    def retrieve(self, request: Request, fingerprint: str) -> Response:
        group = FailureGroup.objects.filter(fingerprint=self._fingerprint()).first()
        if group is None:
            raise _nothing_there(fingerprint)
        since = timezone.now() - HOURS_TOLD
        hours = FailureCount.objects.filter(fingerprint=group.fingerprint, hour__gte=since, failures__gt=0).order_by("hour")
        told = [{"hour": times.written(count.hour), "failures": count.failures} for count in hours]
        retry = bulk.last_retry(group.fingerprint)
        last = {"lastRetry": CanaryRetryOut.of(retry) if retry else None}
        return Response({**FailureGroupOut.of_group(group, failure_groups.failed_now([group.fingerprint])), "hours": told, **last})

    @opened_by(Scope.MANAGE)
    def acknowledge(self, request: Request, fingerprint: str) -> Response:
        return self._act(triage.acknowledge, Acknowledging)

    @opened_by(Scope.MANAGE)
    def snooze(self, request: Request, fingerprint: str) -> Response:
        return self._act(triage.snooze, Snoozing)

    @opened_by(Scope.MANAGE)
    def resolve(self, request: Request, fingerprint: str) -> Response:
        return self._act(triage.resolve, Resolving)

    @opened_by(Scope.MANAGE)
    @once_per_key
    def retry(self, request: Request, fingerprint: str) -> Response:
        """A bulk operation that tries a few of its jobs first."""
        self.parse()
        fields = self.validate(GroupRetry)
        over = timedelta(seconds=fields.get("over_seconds", 0))
        canaries = fields.get("canaries", bulk.CANARIES)
        try:
            operation = bulk.retry_group(self._fingerprint(), by=self._staff(), reason=fields["reason"], canaries=canaries, over=over)
        except NoSuchGroup:
            raise _nothing_there(self.kwargs["fingerprint"]) from None
        except bulk.UnderWay as refused:
            raise WireError("CONFLICT", str(refused), operationId=refused.operation_id) from None
        except bulk.NothingToRetry as refused:
            raise WireError("CONFLICT", str(refused)) from None
        return Response({"operation": BulkOperationOut.of(operation)}, status=201)

    @opened_by(Scope.MANAGE)
    def reopen(self, request: Request, fingerprint: str) -> Response:
        return self._act(triage.reopen, Reopening)

    def _act(self, act: Callable[..., Triaged], shape: type[WireSerializer]) -> Response:
        self.parse(required=False)
        fields = self.validate(shape)
        try:
            done = act(self._fingerprint(), by=self._staff(), **fields)
        except NoSuchGroup:
            raise _nothing_there(self.kwargs["fingerprint"]) from None
        except TriageRefused as refused:
            raise WireError("CONFLICT", str(refused), state=refused.group.state) from None
        except ValueError as error:
            raise ValidationError({"until": [str(error)]}) from None
        failed = failure_groups.failed_now([done.group.fingerprint])
        told: dict[str, Any] = {
            "success": True,
            "group": FailureGroupOut.of_group(done.group, failed),
            "timestamp": times.written(times.now()),
        }
        return Response(told | ({} if done.changed else {"replayed": True}) | self.remarks())

    def _staff(self) -> Actor:
        """Whoever may manage acts like staff."""
        self.scopes_used()
        return Actor.user(f"{self.caller.name} (API)", request_id=self.request_id)

    def _fingerprint(self) -> str:
        fingerprint = str(self.kwargs["fingerprint"])
        # PostgreSQL takes no text with a NUL.
        if "\0" in fingerprint:
            raise _nothing_there("of that name")
        return fingerprint


def _nothing_there(fingerprint: str) -> WireError:
    return WireError("RESOURCE_NOT_FOUND", f"There is no failure group {fingerprint}.")
