"""For supervisors and load balancers: is the process alive, and may it be sent requests. No token, no details."""

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from psycopg_pool import PoolTimeout


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and every migration is applied, else 503."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (Error, PoolTimeout):
        return JsonResponse({"status": "unavailable", "reason": "the database can't be reached"}, status=503)
    if pending:
        return JsonResponse({"status": "unavailable", "reason": "migrations are pending"}, status=503)
    return JsonResponse({"status": "ready"})
