"""Who calls: told by a bearer token, the shared service key of the environment or one that was issued. No cookies here, ever."""

import hashlib
import hmac
import logging
import time
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import Error, transaction
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from jobs import tokens
from jobs.memory import Memory
from jobs.models import Scope
from jobs.times import written
from orchestration_api import wrong_tokens
from orchestration_api.exceptions import CHALLENGE, WireError

log = logging.getLogger(__name__)
# How long a token is taken for what it was: a revocation holds everywhere within a second.
REMEMBERED_SECONDS = 0.5
_INVALID = "The token is not valid. Send `Authorization: Bearer <token>` with a current one."


@dataclass(frozen=True)
class Caller:
    """The one whose token it is.

    Attributes:
        name: written as `createdBy` of the jobs it makes, and whose idempotency keys are its own. Two tokens of one name are one caller,
            also while one replaces the other.
        scopes: what is open to it.
        orchestrator_id: the one orchestrator it speaks for; None for producers, and for the shared key, which speaks for any.
        expires_at: None for never.
    """

    name: str
    scopes: frozenset[Scope]
    orchestrator_id: str | None = None
    expires_at: datetime | None = None

    # What Django REST framework asks of a user.
    is_authenticated = True

    @property
    def bound(self) -> bool:
        """Its token speaks for one orchestrator only and must prove each claim."""
        return self.orchestrator_id is not None


SERVICE = Caller(name=tokens.SERVICE, scopes=frozenset(Scope))


class TokenAuthentication(BaseAuthentication):
    @sensitive_variables("header", "token")
    def authenticate(self, request: Request) -> tuple[Caller, None]:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            raise NotAuthenticated
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer":
            if _is_service_key(token):
                return SERVICE, None
            if caller := _known.get(_sha256(token)) or _recognised(token):
                return caller, None
        raise wrong_tokens.count(request) or WireError("AUTH_INVALID_TOKEN", _INVALID)

    def authenticate_header(self, request: Request | HttpRequest) -> str:
        return CHALLENGE


# By SHA-256 of the token, so that none lies about in memory.
_known: Memory[bytes, Caller] = Memory()


def _is_service_key(token: str) -> bool:
    # Every key is compared, in constant time: how long it takes tells nothing.
    matches = [hmac.compare_digest(token.encode(), key.encode()) for key in settings.INTERNAL_API_KEYS]
    return any(matches)


def _recognised(token: str) -> Caller | None:
    """The caller whose token lives; None for a token that is none of ours.

    Raises:
        WireError: the token was ours, and is dead. That is no guess at a token, so it does not count as one.
    """
    asked_at = time.monotonic()
    found = tokens.look_up(token)
    if found is None:
        return None
    if found.revoked:
        raise WireError("AUTH_INVALID_TOKEN", "The token was revoked. Ask for a new one.")
    if found.expired:
        raise WireError("AUTH_EXPIRED_TOKEN", "The token has expired. Ask for a new one.", expiredAt=written(found.expires_at))
    if found.use_unnoted:
        _note_use(found.public_id)
    caller = Caller(found.name, found.scopes, found.orchestrator_id, found.expires_at)
    # From before the query, and no longer than it lives: its end is told by the database's clock, how long that is by ours.
    believed_for = min(REMEMBERED_SECONDS, found.seconds_left if found.seconds_left is not None else REMEMBERED_SECONDS)
    _known.keep(_sha256(token), caller, until=asked_at + believed_for)
    return caller


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _note_use(public_id: str) -> None:
    # Nobody is turned away because this can't be written.
    try:
        with transaction.atomic():
            tokens.note_use(public_id)
    except Error as error:
        log.warning("the use of token %s could not be noted: %s", public_id, type(error).__name__)
