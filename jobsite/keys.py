"""Secrets: from the environment, or (outside production) made once and kept in a file of the data dir that only its owner can read."""

import contextlib
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def secret(variable: str, path: Path, *, required: bool, at_least: int) -> str:
    """The secret that the environment or the data dir holds.

    Args:
        variable: name of the environment variable; it wins over the file.
        path: file in the data dir, made with mode 0600 when neither exists.
        required: refuse to start instead of making one.
        at_least: fewest characters accepted.

    Raises:
        ImproperlyConfigured: missing though required, too short, or the file can't be made.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        if required:
            raise ImproperlyConfigured(f"{variable} must be set (at least {at_least} random characters).")
        value = kept(path)
    if len(value) < at_least:
        raise ImproperlyConfigured(f"{variable} must have at least {at_least} characters, it has {len(value)}.")
    return value


def secrets_list(variable: str, path: Path, *, required: bool, at_least: int, at_most: int) -> list[str]:
    """Like `secret`, for a comma-separated list: the first one is current, the others are being rotated out."""
    values = [value.strip() for value in os.environ.get(variable, "").split(",") if value.strip()]
    if not values:
        return [secret(variable, path, required=required, at_least=at_least)]
    if len(values) > at_most:
        raise ImproperlyConfigured(f"{variable} holds {len(values)} keys; at most {at_most} may be valid at once.")
    for value in values:
        if len(value) < at_least:
            raise ImproperlyConfigured(f"{variable} must have at least {at_least} characters in each key.")
    return values


def kept(path: Path) -> str:
    """The secret in a file, made with mode 0600 when there is none. A data dir that is read-only but has the file will do.

    Raises:
        ImproperlyConfigured: the file can neither be read nor made.
    """
    try:
        return _read(path) or _made(path)
    except OSError as error:
        raise ImproperlyConfigured(f"JOBSITE_DATA_DIR: {path} can't be used: {error.strerror}.") from None


def put(path: Path, value: str) -> None:
    """Keeps a secret in a file of mode 0600, instead of what it held before."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _written_aside(path, value)
    draft.replace(path)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _made(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and linked into place: two processes starting at once agree on one secret, and nobody reads half of it.
    draft = _written_aside(path, secrets.token_urlsafe(48))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return _read(path)


def _written_aside(path: Path, value: str) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(value)
    return draft
