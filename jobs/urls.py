"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditPage
from jobs.views.fleet import FleetPage
from jobs.views.orchestrator import OrchestratorPage
from jobs.views.sweeps import SweepsPage
from jobs.views.types import TypePage, TypesPage

app_name = "pages"
urlpatterns = [
    path("audit", AuditPage.as_view(), name="audit"),
    path("fleet", FleetPage.as_view(), name="fleet"),
    path("fleet/<path:id>", OrchestratorPage.as_view(), name="orchestrator"),
    path("sweeps", SweepsPage.as_view(), name="sweeps"),
    path("types", TypesPage.as_view(), name="types"),
    path("types/<str:name>", TypePage.as_view(), name="type"),
]
