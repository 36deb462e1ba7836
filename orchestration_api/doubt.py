"""A change that may be lost in a failover is not told as made: its caller sends the request again, and is told then."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from jobs import durability
from orchestration_api.exceptions import WireError
from orchestration_api.middleware import error_response, is_of_the_door

_MESSAGE = "The change was made here, but its copy is not confirmed, so it may yet be lost. Send the same request again."


class DoubtMiddleware:
    """503 OUTCOME_UNKNOWN in place of a success whose commit PostgreSQL could not confirm. (A refusal, or a read, promises nothing.)"""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_of_the_door(request):
            return self.get_response(request)
        with durability.watched() as doubt:
            response = self.get_response(request)
        if doubt.is_there and (response.status_code < 400 or response.status_code == 503):
            return error_response(WireError("OUTCOME_UNKNOWN", _MESSAGE), request)
        return response
