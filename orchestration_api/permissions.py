"""What a caller may do."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from orchestration_api.authentication import Caller


class HasValidToken(BasePermission):
    """Every endpoint of the machine door asks for a token; the shared service key has every scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Caller)
