"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditPage
from jobs.views.fleet import FleetPage
from jobs.views.orchestrator import OrchestratorPage

app_name = "pages"
urlpatterns = [
    path("audit", AuditPage.as_view(), name="audit"),
    path("fleet", FleetPage.as_view(), name="fleet"),
    path("fleet/<path:id>", OrchestratorPage.as_view(), name="orchestrator"),
]
