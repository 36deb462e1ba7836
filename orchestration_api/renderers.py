"""Answers as JSON in UTF-8, whatever the caller says it accepts."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from django.conf import settings
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from orchestration_api.exceptions import WireError
from orchestration_api.shortening import fitting

# Room for what stands around the parts of an answer.
_ENVELOPE = 65536


def most_bytes() -> int:
    """How long the parts of an answer may be together."""
    return settings.ANSWER_LIMIT - _ENVELOPE


def encoded(value: Any) -> bytes:
    """A value as it goes over the wire."""
    return msgspec.json.encode(value)


def told(answer: Any) -> bytes:
    """A whole answer as it goes over the wire: never longer than the limit, and where it was shortened it says so."""
    content = encoded(answer)
    if len(content) <= settings.ANSWER_LIMIT or not isinstance(answer, dict):
        return content
    return encoded(fitting(answer, most_bytes=settings.ANSWER_LIMIT, encode=encoded, keep=_handed_out))


def _handed_out(part: dict[str, Any]) -> Collection[str]:
    """Half a script must not be run: of a job that comes with a lease only what stands beside its work may be shortened."""
    return ("payload", "execution", "metadata", "lease") if "lease" in part else ()


class WireRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else told(data)


def check_media_type(request: Request) -> None:
    """Refuses a body that says it is anything but JSON in UTF-8.

    Raises:
        WireError: UNSUPPORTED_MEDIA_TYPE.
    """
    kind, _, rest = request.META.get("CONTENT_TYPE", "").partition(";")
    charset = rest.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8") or request.META.get("HTTP_CONTENT_ENCODING"):
        raise WireError("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json in UTF-8, without content encoding.")


class AlwaysJSON(BaseContentNegotiation):
    """One form in, one form out; another content type, charset or encoding of a body is refused."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        check_media_type(request)
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        (renderer,) = renderers
        return renderer, renderer.media_type
