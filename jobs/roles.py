"""What kinds of person there are, and what each may do: the groups that a migration makes, and a test holds against this table."""

from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractUser, AnonymousUser

if TYPE_CHECKING:
    from django.contrib.auth.models import Group, Permission

# More jobs than this in one act need a permission of their own.
MOST_WITHOUT_LEAVE = 50
VIEW_PAYLOAD = "jobs.view_payload"
FORCE = "jobs.force_job"
ACT_ON_MANY = "jobs.act_on_many"

_VIEWER = ("view_job", "view_auditentry", "view_failuregroup", "view_orchestrator", "view_jobtype", "view_sweeprun", "view_bulkoperation")
_OPERATOR = (
    *_VIEWER,
    "view_payload",
    "add_job",
    "change_job",
    "change_failuregroup",
    "change_orchestrator",
    "change_jobtype",
    "change_sweeprun",
    "add_bulkoperation",
    "change_bulkoperation",
)
_ADMIN = (*_OPERATOR, "force_job", "act_on_many", "view_apitoken", "add_apitoken", "change_apitoken")
# Each may do what the one before it may, and more.
ROLES: dict[str, tuple[str, ...]] = {"viewer": _VIEWER, "operator": _OPERATOR, "admin": _ADMIN}


def grant(groups: "type[Group]", permissions: "type[Permission]") -> None:
    """Makes the group of each role, with its permissions; what a group was given besides, it keeps.

    Args:
        groups, permissions: the models, as a migration has them. The permissions are there already.
    """
    for role, codenames in ROLES.items():
        group, _ = groups.objects.get_or_create(name=role)
        group.permissions.add(*permissions.objects.filter(content_type__app_label="jobs", codename__in=codenames))


def may_act_on(user: AbstractUser | AnonymousUser, count: int) -> bool:
    """Whether somebody may act on so many jobs at once, provided that they may act on one."""
    return count <= MOST_WITHOUT_LEAVE or user.has_perm(ACT_ON_MANY)


def role_of(user: AbstractUser) -> str:
    """The strongest role of somebody, in words."""
    if user.is_superuser:
        return "superuser"
    held = {group.name for group in user.groups.all()}
    return next((role for role in reversed(ROLES) if role in held), "no role")
