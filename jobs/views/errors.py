"""Pages that stand where a page can't: refused, not found, broken. In words, and with a way on."""

import logging
import re
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.models import Permission
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from jobs.ids import is_id
from jobs.roles import ROLES

log = logging.getLogger(__name__)
_OF_A_JOB = re.compile(r"/jobs/(?P<id>[^/]+)/?")
_PERMISSION = re.compile(r"jobs\.(?P<codename>[a-z_]+)")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400. What was wrong with it is for the log: it may be an attack."""
    return _bare(HTTPStatus.BAD_REQUEST, "This request can't be read", "Something in its address or its headers is not as it should be.")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403, with the permission that is missing where the refusal names it, and the least role that has it."""
    said = str(exception) if exception else ""
    named = _PERMISSION.fullmatch(said)
    if named is None:
        told = {"words": said}
    else:
        codename = named["codename"]
        permission = Permission.objects.filter(content_type__app_label="jobs", codename=codename).first()
        role = next((role for role, codenames in ROLES.items() if codename in codenames), "")
        told = {"permission": permission.name if permission else said, "codename": said, "role": role}
    return render(request, "errors/403.html", {"title": "Not allowed", **told}, status=HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404; of a job that is not there it says why that may be."""
    job = _OF_A_JOB.fullmatch(request.path)
    said = exception.args[0] if exception and exception.args else ""
    told = {
        "title": "Not found",
        "path": request.path,
        "job_id": job["id"] if job and is_id(job["id"]) else "",
        # Django's own resolver says which addresses it tried, which is nobody's business.
        "words": said if isinstance(said, str) else "",
        "keep_failed": settings.KEEP_FAILED,
        "prunes": settings.PRUNE,
    }
    return render(request, "errors/404.html", told, status=HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """500. It asks neither the database nor the session, for one of them may be what is broken."""
    return _bare(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something broke here",
        "It is in the server's log, under the id below. Nothing of what you asked for was half done; try again.",
        request_id=request.META.get("jobsite.request_id", ""),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that is not known to be ours."""
    return _bare(
        HTTPStatus.FORBIDDEN,
        "This form is no longer valid",
        "You have signed in or out since it was loaded, or the browser keeps no cookies of this site. Nothing was changed. "
        "Go back, load the page again, and send the form once more.",
    )


def _bare(status: HTTPStatus, heading: str, words: str, **more: str) -> HttpResponse:
    told = {"title": heading, "status": status.value, "words": words, "environment_name": settings.ENVIRONMENT_NAME, **more}
    try:
        return HttpResponse(render_to_string("errors/bare.html", told), status=status)
    except Exception:
        # What pages are made of may be what is broken, as when static files were never collected.
        log.exception("the page of an error could not be made")
        return HttpResponse(f"{heading}. {words}\n", "text/plain", status)
