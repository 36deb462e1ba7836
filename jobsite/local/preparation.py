"""`python -m jobsite.local.preparation [FILE]`: bring database, static files, staff user and the local orchestrator's token (in that file)
up to date, in a process that can be stopped.

Prints one line of JSON: the staff user's name, and the password when this call made one up.
"""

import hashlib
import json
import os
import secrets
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import CommandError, call_command

from jobsite import keys
from jobsite.local.configuration import ORCHESTRATOR

_TOKEN_NAME = "bin-run"  # noqa: S105 - a name, no secret


def main() -> None:
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    collect_static_files(settings.DATA_DIR / "static.stamp")
    for file in sys.argv[1:]:
        keep_orchestrators_token(Path(file))
    print(json.dumps(make_staff_user()))  # noqa: T201 - the supervisor reads it


def collect_static_files(stamp: Path) -> None:
    """Collect and compress the static files, unless they are those of the last time.

    Args:
        stamp: file that remembers which they were.
    """
    from django.contrib.staticfiles.finders import get_finders

    facts = [str(settings.STATIC_ROOT), django.__version__]
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            facts.append(f"{name} {found.st_size} {found.st_mtime_ns}")
    fingerprint = hashlib.sha256("\n".join(sorted(facts)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint and Path(settings.STATIC_ROOT).is_dir():
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(fingerprint)


def make_staff_user() -> dict[str, str | None]:
    """Make the staff user when there is none of that name.

    Returns:
        Its name, and the password if it was made up just now. One from the environment, or an older one, is not repeated.
    """
    from django.contrib.auth.models import User

    name = os.environ.get("DJANGO_SUPERUSER_USERNAME") or "admin"
    if User.objects.filter(username=name).exists():
        return {"username": name, "password": None}
    given = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    User.objects.create_superuser(username=name, email=os.environ.get("DJANGO_SUPERUSER_EMAIL", ""), password=password)
    return {"username": name, "password": None if given else password}


def keep_orchestrators_token(file: Path) -> None:
    """See that the file holds a token that lives and speaks for the local orchestrator: the one of the last time, or a new one."""
    from jobs import tokens
    from jobs.actors import Actor
    from jobs.models import ApiToken, Scope

    found = tokens.look_up(file.read_text().strip()) if file.exists() else None
    if found and found.orchestrator_id == ORCHESTRATOR and not (found.revoked or found.expired):
        return
    by = Actor.user("bin/run")
    # Room for the new one; the newest may be another data dir's, on the same database.
    for token in ApiToken.objects.live().filter(name=_TOKEN_NAME).order_by("-created_at")[1:]:
        tokens.revoke(token.public_id, by=by, reason="its file is gone")
    text = tokens.issue(_TOKEN_NAME, scopes=[Scope.ORCHESTRATE], orchestrator_id=ORCHESTRATOR, by=by).text
    keys.put(file, text)


if __name__ == "__main__":
    try:
        main()
    except (django.db.Error, CommandError, OSError) as error:
        sys.exit(" ".join(str(error).split()))
