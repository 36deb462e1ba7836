"""Who looks at the pages."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

Visitor = Callable[[str], Client]


@pytest.fixture
def visitor(db: None) -> Visitor:
    """The browser of somebody with a role, or with `no role`."""

    def enter(role: str) -> Client:
        user = User.objects.create_user(role.replace(" ", "-"), password="any", is_staff=True)
        user.groups.set(Group.objects.filter(name=role))
        browser = Client()
        browser.force_login(user)
        return browser

    return enter
