"""Where everything is."""

from django.contrib import admin
from django.urls import include, path

from jobs.views import probes
from jobs.views.metrics import metrics_page
from orchestration_api.openapi import views as openapi
from orchestration_api.urls import nothing_here, release

handler400 = "jobs.views.errors.bad_request"
handler403 = "jobs.views.errors.permission_denied"
handler404 = "jobs.views.errors.page_not_found"
handler500 = "jobs.views.errors.server_error"
urlpatterns = [
    path("", include("jobs.urls")),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
    path("metrics", metrics_page),
    path("admin/", admin.site.urls),
    # Without this one Django would redirect it, and the machine door redirects nowhere.
    path("api/internal", nothing_here),
    path("api/schema", openapi.schema, name="schema"),
    path("api/docs", openapi.DocsView.as_view(), name="docs"),
    path("api/internal/", include("orchestration_api.urls")),
    # Existing orchestrators post a release without the base path.
    path("jobs/<str:job_id>/release", release),
]
