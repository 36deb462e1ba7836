"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditPage
from jobs.views.bulk import BulkOperationPage, BulkOperationsPage
from jobs.views.failure_group import FailureGroupPage
from jobs.views.failures import FailuresPage

app_name = "pages"
urlpatterns = [
    path("audit", AuditPage.as_view(), name="audit"),
    path("bulk", BulkOperationsPage.as_view(), name="bulk"),
    path("bulk/<slug:operation_id>", BulkOperationPage.as_view(), name="bulk_operation"),
    path("failures", FailuresPage.as_view(), name="failures"),
    path("failures/<slug:fingerprint>", FailureGroupPage.as_view(), name="failure_group"),
]
