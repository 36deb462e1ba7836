"""/api/schema and /api/docs: how the machine door is spoken to, for everybody who reaches the server. They know no row and no secret."""

from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from orchestration_api.openapi.document import text


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    _check_switched_on()
    return HttpResponse(text(), content_type="application/json")


# Swagger UI writes styles into the page it makes. Everything else of the policy is as everywhere.
@method_decorator(csp_update({"style-src": [UNSAFE_INLINE]}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI over the document. The split view: its script is a second request, so that no script stands in the page."""

    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = DefaultContentNegotiation
    title = "jobsite: the HTTP API"
    template_name_js = "openapi/docs.js"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        _check_switched_on()
        super().initial(request, *args, **kwargs)


def _check_switched_on() -> None:
    if not settings.API_DOCS:
        raise Http404
