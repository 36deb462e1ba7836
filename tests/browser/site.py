"""The site that a browser looks at: a server on a database of the test's own, and people who may look."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.test import override_settings

from tests.server import Server, running_server

PASSWORD = "a-password-of-a-test"


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """The server, with its static files.

    Args:
        folder: for the static files.
    """
    with override_settings(STATIC_ROOT=folder):
        call_command("collectstatic", interactive=False, verbosity=0)
    # One core is the browser's.
    with running_server(workers=1, environment={"JOBSITE_STATIC_ROOT": str(folder)}) as server:
        yield server


def person(role: str) -> User:
    """Who has a role: viewer, operator or admin; the same one each time."""
    user, made = User.objects.get_or_create(username=role, defaults={"is_staff": True})
    if made:
        user.set_password(PASSWORD)
        user.save()
        user.groups.set(Group.objects.filter(name=role))
    return user


def session_of(user: User) -> str:
    """The key of a session in which somebody is signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    assert session.session_key
    return session.session_key
