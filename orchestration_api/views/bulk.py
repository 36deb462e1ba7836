"""Bulk operations: one act on many jobs."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import bulk
from jobs.actors import Actor
from jobs.bulk import ACTIONS, Selection
from jobs.filters import WrongFilter
from jobs.ids import is_id
from jobs.lifecycle import ActorKind
from jobs.models import PENDING, BulkItem, BulkOperation, BulkState, ItemOutcome, Scope
from orchestration_api import queries
from orchestration_api.bulk_bodies import Confirmation, NewBulkOperation, Steering
from orchestration_api.exceptions import WireError
from orchestration_api.idempotency import once_per_key
from orchestration_api.permissions import opened_by
from orchestration_api.representations import BulkItemOut, BulkOperationOut
from orchestration_api.views.base import MachineViewSet


class BulkViewSet(MachineViewSet):
    """`/bulk-operations`. With `manage` they are about any job, with `enqueue` alone about those that the caller made."""

    lookup_field = "operation_id"

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def create(self, request: Request) -> Response:
        """Made with a preview; with `confirm` it begins at once."""
        self.parse()
        asked = self.validate(NewBulkOperation)
        action = ACTIONS[asked["action"]]
        arguments = asked.get("arguments", {})
        try:
            action.check(arguments)
        except ValueError as problem:
            raise ValidationError({"arguments": [str(problem)]}) from None
        only_made_by = None if self._manages() else self.caller.name
        selection = Selection(ids=asked.get("ids"), filter=asked.get("filter"), only_made_by=only_made_by)
        try:
            operation = bulk.create(action.name, selection, by=self._by(), arguments=arguments)
        except bulk.ForStaff as refusal:
            needed, scopes = [Scope.MANAGE.value], [scope.value for scope in Scope if scope in self.caller.scopes]
            raise WireError("AUTHZ_INSUFFICIENT_PERMISSIONS", str(refusal), needed=needed, scopes=scopes) from None
        except WrongFilter as wrong:
            raise ValidationError({"filter": wrong.fields}) from None
        if asked["confirm"]:
            operation = bulk.confirm(operation.id, by=self._by(), reason=asked["reason"])
        return Response({"operation": BulkOperationOut.of(operation)}, status=201)

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.MANAGE)
    def index(self, request: Request) -> Response:
        """The newest first."""
        queries.only(request, "state", "cursor", "pageSize")
        size = queries.whole(request, "pageSize", 1, 200, default=50)
        found = self._reach()
        if state := _word(request, "state", BulkState.values):
            found = found.filter(state=state)
        if (cursor := request.query_params.get("cursor")) is not None:
            if not is_id(cursor):
                raise ValidationError({"cursor": ["is not known"]})
            found = found.filter(id__lt=cursor)
        page = list(found.order_by("-id")[: size + 1])
        told = [BulkOperationOut.of(operation) for operation in page[:size]]
        return Response({"operations": told, "next": told[-1]["id"] if len(page) > size else None})

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.MANAGE)
    def retrieve(self, request: Request, operation_id: str) -> Response:
        return Response(BulkOperationOut.of(self._operation()))

    @opened_by(Scope.READ, Scope.ENQUEUE, Scope.MANAGE)
    def items(self, request: Request, operation_id: str) -> Response:
        """The jobs of it, and what became of each; `next` is where to read on."""
        queries.only(request, "outcome", "after", "limit")
        after = queries.whole(request, "after", 0, 2**31 - 1, default=0)
        limit = queries.whole(request, "limit", 1, 1000, default=100)
        found = BulkItem.objects.filter(operation_id=self._operation().id, ordinal__gt=after)
        if outcome := _word(request, "outcome", (*ItemOutcome.values, PENDING)):
            found = found.filter(outcome=None if outcome == PENDING else outcome)
        items = list(found.order_by("ordinal")[: limit + 1])
        told = [BulkItemOut.of(item) for item in items[:limit]]
        return Response({"items": told, "next": told[-1]["ordinal"] if len(items) > limit else None})

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def confirm(self, request: Request, operation_id: str) -> Response:
        self.parse()
        reason = self.validate(Confirmation)["reason"]
        return self._told(bulk.confirm(self._operation().id, by=self._by(), reason=reason))

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def pause(self, request: Request, operation_id: str) -> Response:
        return self._told(bulk.pause(by=self._by(), **self._steered()))

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def resume(self, request: Request, operation_id: str) -> Response:
        return self._told(bulk.resume(by=self._by(), **self._steered()))

    @opened_by(Scope.ENQUEUE, Scope.MANAGE)
    @once_per_key
    def stop(self, request: Request, operation_id: str) -> Response:
        return self._told(bulk.stop(by=self._by(), **self._steered()))

    def _steered(self) -> dict[str, Any]:
        self.parse(required=False)
        reason = self.validate(Steering).get("reason")
        return {"operation_id": self._operation().id, "reason": reason}

    def _told(self, operation: BulkOperation) -> Response:
        return Response({"operation": BulkOperationOut.of(operation)})

    def _manages(self) -> bool:
        return Scope.MANAGE in self.scopes_used()

    def _by(self) -> Actor:
        """Whoever may manage all jobs acts like staff, who may also release; else as the producer it is."""
        return Actor.user(f"{self.caller.name} (API)", request_id=self.request_id) if self._manages() else self.producer()

    def _reach(self) -> "QuerySet[BulkOperation]":
        """The operations that this call may be about: all, or those that the caller made as a producer."""
        if {Scope.READ, Scope.MANAGE} & self.scopes_used():
            return BulkOperation.objects.all()
        return BulkOperation.objects.filter(created_by_kind=ActorKind.PRODUCER, created_by=self.caller.name)

    def _operation(self) -> BulkOperation:
        """The operation in the address; out of reach is as if there were none."""
        name = str(self.kwargs["operation_id"])
        operation = self._reach().filter(id=name).first() if is_id(name) else None
        if operation is None:
            raise WireError("RESOURCE_NOT_FOUND", f"There is no bulk operation {name}." if is_id(name) else "There is no such operation.")
        return operation


def _word(request: Request, name: str, known: Any) -> str | None:
    word = request.query_params.get(name)
    if word is not None and word not in known:
        raise ValidationError({name: [f"must be one of {', '.join(known)}"]})
    return word
