"""`Idempotency-Key`: a call that is sent again under its key is answered like the first time, and done once."""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import durability, idempotency
from jobs.idempotency import Answered
from orchestration_api.exceptions import WireError
from orchestration_api.renderers import told
from orchestration_api.views.base import MachineViewSet

_FORM = re.compile(r"[\x20-\x7e]{1,255}")


def once_per_key(act: Callable[..., Response]) -> Callable[..., HttpResponseBase]:
    """A view's method that does its work once for each key of a caller; without the header it is as it was.

    The key, its answer and the change that it tells of are committed together. Only a 2xx answer is kept: what was refused may be tried
    again under the same key.
    """

    @wraps(act)
    def answered(view: MachineViewSet, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        # A body that could not be read is no body to compare.
        if key is None or request.META.get("jobsite.body_problem"):
            return act(view, request, *args, **kwargs)
        if not _FORM.fullmatch(key):
            raise WireError(
                "VALIDATION_INVALID_PARAMS",
                "An Idempotency-Key is 1 to 255 printable ASCII characters.",
                fields={"Idempotency-Key": ["malformed"]},
            )
        owner, digest = view.caller.name, _digest(request)
        with transaction.atomic():
            first = idempotency.begin(owner, key)
            if first:
                view.scopes_used()
                # Told as done, so it must be as safe as it had to be the first time.
                durability.confirm()
                return _again(first, digest)
            response = act(view, request, *args, **kwargs)
            idempotency.keep(owner, key, Answered(digest=digest, status=response.status_code, answer=told(response.data)))
            return response

    return answered


def _again(first: Answered, digest: bytes) -> HttpResponse:
    if first.digest != digest:
        raise WireError(
            "IDEMPOTENCY_MISMATCH", "This Idempotency-Key was used for another call. Choose a new key for each thing to be done."
        )
    response = HttpResponse(first.answer, content_type="application/json", status=first.status)
    response["Idempotency-Replayed"] = "true"
    return response


def _digest(request: Request) -> bytes:
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).digest()
