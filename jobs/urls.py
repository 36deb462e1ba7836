"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditPage
from jobs.views.overview import OverviewPage

app_name = "pages"
urlpatterns = [
    path("", OverviewPage.as_view(), name="overview"),
    path("audit", AuditPage.as_view(), name="audit"),
]
