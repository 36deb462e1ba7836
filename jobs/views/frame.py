"""What the frame of every page knows, ours and the admin's."""

from django.conf import settings
from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, object]:
    """A context processor."""
    return {"environment_name": settings.ENVIRONMENT_NAME}
