"""What a caller may do: which scopes open an endpoint, and which jobs are within its reach."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from jobs.lifecycle import ActorKind
from jobs.models import AuditEntry, Job, Scope
from orchestration_api.authentication import Caller
from orchestration_api.exceptions import WireError

Method = TypeVar("Method", bound=Callable[..., Any])
EVERY_SCOPE = frozenset(Scope)


class HasValidToken(BasePermission):
    """Every endpoint of the machine door asks for a token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Caller)


def opened_by(*scopes: Scope) -> Callable[[Method], Method]:
    """Declares which scopes open a view method: any one of them; none named: every valid token does."""

    def declare(method: Method) -> Method:
        method.opened_by = frozenset(scopes)  # type: ignore[attr-defined]
        return method

    return declare


def scopes_used(caller: Caller, method: Callable[..., Any]) -> frozenset[Scope]:
    """By which of its scopes a caller enters.

    Raises:
        WireError: it has none of those that open the method. One that declares nothing is open to the shared key alone.
    """
    declared: frozenset[Scope] | None = getattr(method, "opened_by", None)
    if declared is None:
        used = caller.scopes if caller.scopes == EVERY_SCOPE and not caller.bound else frozenset()
    else:
        used = caller.scopes & declared
    if not used and declared != frozenset():
        needed = [scope.value for scope in Scope if scope in (declared or EVERY_SCOPE)]
        raise WireError(
            "AUTHZ_INSUFFICIENT_PERMISSIONS",
            f"This token lacks the scope for that: it needs {' or '.join(needed)}.",
            needed=needed,
            scopes=[scope.value for scope in Scope if scope in caller.scopes],
        )
    return used


def within_reach(caller: Caller, scopes: Collection[Scope]) -> "QuerySet[Job]":
    """The jobs that scopes reach: read and manage all of them, enqueue those the caller made, orchestrate those it holds or once held."""
    if {Scope.READ, Scope.MANAGE} & set(scopes):
        return Job.objects.all()
    own = Q(pk__in=[])
    if Scope.ENQUEUE in scopes:
        own |= Q(created_by=caller.name)
    if Scope.ORCHESTRATE in scopes:
        if not caller.bound:
            return Job.objects.all()
        own |= Q(orchestrator_id=caller.orchestrator_id) | Q(Exists(_claims_of(caller).filter(job_id=OuterRef("id"))))
    return Job.objects.filter(own)


def owns(caller: Caller, job: Job) -> bool:
    """Whether it is the caller's own job, whose payload it may read as it is: it made it, holds it, or once held it."""
    if Scope.ENQUEUE in caller.scopes and job.created_by == caller.name:
        return True
    if Scope.ORCHESTRATE not in caller.scopes:
        return False
    return not caller.bound or job.orchestrator_id == caller.orchestrator_id or _claims_of(caller).filter(job_id=job.id).exists()


def may_read_story(caller: Caller, scopes: Collection[Scope], job_id: str) -> bool:
    """Whether a job is within reach by what its entries tell: they are there also when the job is gone."""
    if Scope.READ in scopes or (Scope.ORCHESTRATE in scopes and not caller.bound):
        return True
    story = AuditEntry.objects.filter(job_id=job_id)
    own = {
        Scope.ENQUEUE: story.filter(action="enqueue", actor_kind=ActorKind.PRODUCER, actor=caller.name),
        Scope.ORCHESTRATE: _claims_of(caller).filter(job_id=job_id),
    }
    return any(own[scope].exists() for scope in own.keys() & set(scopes))


def _claims_of(caller: Caller) -> "QuerySet[AuditEntry]":
    # Plan, for one job: index (job_id, sequence).
    return AuditEntry.objects.filter(action="claim", actor_kind=ActorKind.ORCHESTRATOR, actor=caller.orchestrator_id)
