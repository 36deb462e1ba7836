"""The request id in every line of the log that a request writes, so that the trace id of an error answer finds it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest

_current: ContextVar[str] = ContextVar("request_id", default="-")


@contextmanager
def traced(request_id: str) -> Iterator[None]:
    """What is logged inside carries this id."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


class RequestIdFilter(logging.Filter):
    """Gives each record a `request_id`, `-` outside of requests. It keeps every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        # What Django itself says of an answer it says when every middleware is done; then the request still knows.
        request = getattr(record, "request", None)
        record.request_id = request.META.get("jobsite.request_id", "-") if isinstance(request, HttpRequest) else _current.get()
        return True
