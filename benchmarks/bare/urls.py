"""One view, and the probe by which a server is known to be ready."""

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

from jobs.views import probes


def one(request: HttpRequest) -> JsonResponse:
    """Asks the database for a 1, by a connection of the pool."""
    with connection.cursor() as cursor:
        cursor.execute("select 1")
        return JsonResponse({"one": cursor.fetchone()})


urlpatterns = [path("one", one), path("readyz", probes.readyz)]
