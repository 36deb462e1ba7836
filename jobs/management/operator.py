"""Who runs a command: as whom its acts stand in the audit log."""

import getpass
import os

from jobs.actors import Actor


def operator() -> Actor:
    """The user of the system under whose name the command runs."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container's user often has a number only.
        name = f"uid {os.getuid()}"
    return Actor.user(f"{name} (manage.py)")
