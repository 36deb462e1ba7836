"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditEntryPage, AuditPage

app_name = "pages"
urlpatterns = [
    path("audit", AuditPage.as_view(), name="audit"),
    path("audit/<int:entry_id>", AuditEntryPage.as_view(), name="audit_entry"),
]
