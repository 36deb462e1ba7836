"""Issued tokens: how programs other than those with the shared key prove who they are.

The text is `jst_<public id>_<secret>`: the public id finds the row, the secret (256 bits of chance) proves the caller. Of the text only its
SHA-256 is kept; a plain hash will do, because nothing of that length is guessed.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.views.decorators.debug import sensitive_variables

from jobs import statements
from jobs.actors import Actor
from jobs.ids import is_orchestrator_id
from jobs.models import ApiToken, Scope
from jobs.records import SiteAct, record

MOST_LIVE = 2
# What the shared service key is called.
SERVICE = "service"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_FORM = re.compile(r"jst_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NO_DIGEST = bytes(32)


class TokenRefused(Exception):
    """A token can't be issued or revoked as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Issued:
    """A new token, and its text: told here, and never again."""

    token: ApiToken
    text: str = field(repr=False)


@dataclass(frozen=True)
class Proven:
    """A token that was sent whole, alive or not.

    Attributes:
        seconds_left: until it expires, by the database's clock; None for never.
        use_unnoted: its last use was not written down within the last minute.
    """

    public_id: str
    name: str
    scopes: frozenset[Scope]
    orchestrator_id: str | None
    expires_at: datetime | None
    seconds_left: float | None
    revoked: bool
    use_unnoted: bool

    @property
    def expired(self) -> bool:
        return self.seconds_left is not None and self.seconds_left <= 0


@sensitive_variables("text")
def issue(
    name: str, *, scopes: Iterable[str], by: Actor, orchestrator_id: str | None = None, expires_in: timedelta | None = None
) -> Issued:
    """Makes a token.

    Args:
        name: who it is for: 1 to 100 of A-Z a-z 0-9 . _ -; at most two tokens of one name live at a time.
        scopes: what it opens.
        orchestrator_id: the one orchestrator it speaks for.
        expires_in: from now; None for never.

    Raises:
        TokenRefused: there can't be such a token.
    """
    wanted = _scopes(scopes)
    _refuse_impossible(name, wanted, orchestrator_id, expires_in)
    public_id = secrets.token_hex(6)
    text = f"jst_{public_id}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        statements.run("one_issue_at_a_time", name=name)
        _refuse_third(name, orchestrator_id)
        token = ApiToken.objects.create(
            public_id=public_id,
            digest=_digest(text),
            name=name,
            scopes=wanted,
            orchestrator_id=orchestrator_id,
            created_by=by.name,
            expires_at=Now() + expires_in if expires_in is not None else None,
        )
        token.refresh_from_db()
        detail = {"name": name, "scopes": wanted, "orchestratorId": orchestrator_id}
        record(SiteAct.ISSUE, subject_type="token", subject_id=public_id, by=by, detail=detail)
    return Issued(token, text)


def revoke(word: str, *, by: Actor, reason: str | None = None) -> list[ApiToken]:
    """Ends a token, or all that live under a name. Every server refuses them within a second.

    Args:
        word: a public id, or a name.

    Returns:
        Those that were revoked by this call; of one that was revoked before nothing is changed.

    Raises:
        TokenRefused: there is none that could be.
    """
    with transaction.atomic():
        found = list(ApiToken.objects.filter(public_id=word)) or list(ApiToken.objects.live().filter(name=word))
        if not found:
            raise TokenRefused(f"There is no token {word!r}, and none that lives under that name. (manage.py list_tokens shows them.)")
        return [token for token in found if _revoke(token, by=by, reason=reason)]


def look_up(text: str) -> Proven | None:
    """The token that was sent, dead or alive; None when it is none of ours. At most one query."""
    form = _FORM.fullmatch(text)
    rows = statements.run("look_up_token", public_id=form[1]) if form else []
    # Compared also when there is nothing to compare with: how long it takes tells nothing.
    if not hmac.compare_digest(_digest(text), bytes(rows[0]["digest"]) if rows else _NO_DIGEST):
        return None
    (row,) = rows
    return Proven(
        public_id=row["public_id"],
        name=row["name"],
        scopes=frozenset(map(Scope, row["scopes"])),
        orchestrator_id=row["orchestrator_id"],
        expires_at=row["expires_at"],
        seconds_left=row["seconds_left"],
        revoked=row["revoked"],
        use_unnoted=row["use_unnoted"],
    )


def note_use(public_id: str) -> None:
    """Writes down that a token was used, at most once a minute."""
    statements.run("note_token_use", public_id=public_id)


def _scopes(words: Iterable[str]) -> list[str]:
    wanted = set(words)
    if not wanted or not wanted <= set(Scope):
        unknown = ", ".join(sorted(wanted - set(Scope)))
        raise TokenRefused(f"Scopes are {', '.join(Scope)}; {unknown or 'none'} was asked for.")
    return [scope.value for scope in Scope if scope in wanted]


def _refuse_impossible(name: str, scopes: list[str], orchestrator_id: str | None, expires_in: timedelta | None) -> None:
    if not _NAME.fullmatch(name):
        raise TokenRefused(f"A token's name is 1 to 100 of A-Z a-z 0-9 . _ -, not {name!r}.")
    if name.lower() == SERVICE:
        raise TokenRefused(f"The name {name!r} is the shared service key's: choose another.")
    if orchestrator_id is not None and not is_orchestrator_id(orchestrator_id):
        raise TokenRefused(f"An orchestrator id is 1 to 128 of A-Z a-z 0-9 . _ : -, not {orchestrator_id!r}.")
    if Scope.ORCHESTRATE in scopes and orchestrator_id is None:
        raise TokenRefused("A token that orchestrates speaks for one orchestrator: name it.")
    if expires_in is not None and not timedelta(seconds=1) <= expires_in <= timedelta(days=36_500):
        raise TokenRefused("A token expires in at least a second and at most a hundred years, or never.")


def _refuse_third(name: str, orchestrator_id: str | None) -> None:
    living = list(ApiToken.objects.live().filter(name=name))
    if any(token.orchestrator_id != orchestrator_id for token in living):
        whose = f"speaks for {living[0].orchestrator_id}" if living[0].orchestrator_id else "is bound to no orchestrator"
        raise TokenRefused(f"A token named {name} lives that {whose}: one name is one identity. Choose another, or revoke that token.")
    if len(living) >= MOST_LIVE:
        ids = " and ".join(token.public_id for token in living)
        raise TokenRefused(f"Two tokens named {name} live already ({ids}): revoke one first.")


def _revoke(token: ApiToken, *, by: Actor, reason: str | None) -> bool:
    changed = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=Now(), revoked_by=by.name)
    if changed:
        record(SiteAct.REVOKE, subject_type="token", subject_id=token.public_id, by=by, reason=reason, detail={"name": token.name})
    return bool(changed)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
