"""Who calls: the shared service key of the environment, sent as a bearer token. No cookies here, ever."""

import hmac
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from orchestration_api.exceptions import WireError


@dataclass(frozen=True)
class Caller:
    """The one whose token it is.

    Attributes:
        name: written as `createdBy` of the jobs it makes.
        bound: its token speaks for one identity only and must prove each claim.
    """

    name: str
    bound: bool = False

    @property
    def key_owner(self) -> str:
        """Whose idempotency keys they are: all keys of the shared service are one caller, also while one replaces the other."""
        return self.name

    # What Django REST framework asks of a user.
    is_authenticated = True


SERVICE = Caller(name="service")


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not _is_service_key(token.strip()):
            raise WireError("AUTH_INVALID_TOKEN", "The token is not valid. Send `Authorization: Bearer <token>` with a current one.")
        return SERVICE, None

    def authenticate_header(self, request: Request | HttpRequest) -> str:
        return 'Bearer realm="jobsite"'


def _is_service_key(token: str) -> bool:
    # Every key is compared, in constant time: how long it takes tells nothing.
    matches = [hmac.compare_digest(token.encode(), key.encode()) for key in settings.INTERNAL_API_KEYS]
    return any(matches)
