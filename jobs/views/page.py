"""What every page of the operations UI shares: who may look, how long it may take, and its live part, which is also served alone.

A page is a shell with one live part in it. The browser asks for the live part again at the same address, every few seconds; what has not
changed since is answered 204. Without scripts the page is simply loaded again.
"""

import hashlib
import re
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.views import View

from jobs.filters import WrongFilter
from jobs.paging import WrongPage
from jobs.reading import TooSlow, reading

# What differs each time without anything having changed: what a time is in words, and the token of a form.
_FLEETING = re.compile(r"(?<=>)[^<>]*(?=</time>)|(?<=csrfmiddlewaretoken\" value=\")[^\"]*")


class Page(View):
    """A page with a live part.

    Subclasses say what stands in each.

    Attributes:
        shell: template of the page; it shows the live part by `{% include "parts/live.html" %}`.
        live: template of the live part.
        permission: who may look, as `jobs.view_job`.
        seconds: between two refreshes, unless whoever looks has chosen otherwise. (The live part may change it, for what has come to rest.)
    """

    shell = ""
    live = ""
    permission = ""
    seconds = 5
    http_method_names = ["get", "head", "options"]

    def shell_context(self) -> dict[str, Any]:
        """What the shell shows around the live part: what is true however the data turns out. Few queries, or none."""
        return {}

    def live_context(self) -> dict[str, Any]:
        """What the live part shows."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        refused = refuse(request, self.permission)
        return refused or super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        part, status = self._part()
        return self._live_part(part, status) if self._is_for_live_part() else self._whole(part, status)

    def _part(self) -> tuple[str, int]:
        """The live part, or what stands in its place; and the status of the answer."""
        try:
            with reading():
                return render_to_string(self.live, self.live_context(), self.request), 200
        except TooSlow:
            return render_to_string("states/too_slow.html", {}, self.request), 200
        except (WrongFilter, WrongPage) as wrong:
            return render_to_string("states/wrong_filter.html", {"wrong": str(wrong)}, self.request), 400

    def _is_for_live_part(self) -> bool:
        return self.request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in self.request.headers

    def _live_part(self, part: str, status: int) -> HttpResponse:
        version = version_of(part)
        if status == 200 and self.request.headers.get("If-None-Match") == f'"{version}"':
            return _private(HttpResponse(status=204))
        return _private(HttpResponse(part, status=status, headers={"ETag": f'"{version}"', "Refresh-Seconds": str(self.seconds)}))

    def _whole(self, part: str, status: int) -> HttpResponse:
        around = {"part": part, "version": version_of(part), "refresh_seconds": self.seconds}
        return _private(render(self.request, self.shell, self.shell_context() | around, status=status))


def refuse(request: HttpRequest, permission: str) -> HttpResponse | None:
    """To the login for whoever is not signed in as staff; None for those who have the permission.

    Args:
        permission: as `jobs.view_job`; empty for none but being staff.

    Raises:
        PermissionDenied: they have not; it names the permission.
    """
    if not request.user.is_staff or not request.user.is_active:
        if request.headers.get("HX-Request") == "true":
            # The whole window goes there: a login in the place of a table helps nobody.
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return redirect_to_login(request.get_full_path(), "admin:login")
    if permission and not request.user.has_perm(permission):
        raise PermissionDenied(permission)
    return None


def version_of(part: str) -> str:
    """By which a live part is known again: the same as long as nothing but the passing of time has changed it."""
    return hashlib.blake2b(_FLEETING.sub("", part).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["HX-Request", "Cookie"])
    return response
