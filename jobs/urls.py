"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditPage

app_name = "pages"
urlpatterns = [
    path("audit", AuditPage.as_view(), name="audit"),
]
