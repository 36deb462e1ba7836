"""The roles of people: each may do what the one before it may, and more; a migration makes them."""

import pytest
from django.contrib.auth.models import Group, Permission, User

from jobs.roles import ROLES, role_of


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_a_migration_made_the_group_of_each_role_with_its_permissions(role: str) -> None:
    held = Group.objects.get(name=role).permissions

    assert sorted(held.values_list("codename", flat=True)) == sorted(ROLES[role])
    assert set(held.values_list("content_type__app_label", flat=True)) == {"jobs"}


@pytest.mark.django_db
def test_every_permission_of_the_table_exists() -> None:
    named = {codename for codenames in ROLES.values() for codename in codenames}

    assert named <= set(Permission.objects.filter(content_type__app_label="jobs").values_list("codename", flat=True))


def test_each_role_may_more_than_the_one_before() -> None:
    viewer, operator, admin = (set(codenames) for codenames in ROLES.values())

    assert viewer < operator < admin


@pytest.mark.django_db
def test_a_person_is_known_by_the_strongest_role() -> None:
    user = User.objects.create_user("mira")
    assert role_of(user) == "no role"

    user.groups.set(Group.objects.filter(name__in=["viewer", "operator"]))
    assert role_of(user) == "operator"
    user.is_superuser = True
    assert role_of(user) == "superuser"
