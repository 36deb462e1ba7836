"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditEntryPage, AuditPage
from jobs.views.bulk import BulkOperationPage, BulkOperationsPage
from jobs.views.failure_group import FailureGroupPage
from jobs.views.failures import FailuresPage
from jobs.views.fleet import FleetPage
from jobs.views.job import JobPage
from jobs.views.job_texts import ErrorText, LogText
from jobs.views.jobs import JobsPage
from jobs.views.jobs_parts import JobCounts, JobError, JobsCsv
from jobs.views.logs import LogTail
from jobs.views.orchestrator import OrchestratorPage
from jobs.views.overview import OverviewPage
from jobs.views.sweeps import SweepsPage
from jobs.views.types import TypePage, TypesPage

app_name = "pages"
urlpatterns = [
    path("", OverviewPage.as_view(), name="overview"),
    path("jobs", JobsPage.as_view(), name="jobs"),
    path("jobs.csv", JobsCsv.as_view(), name="jobs_csv"),
    path("jobs/counts", JobCounts.as_view(), name="job_counts"),
    path("jobs/<str:job_id>", JobPage.as_view(), name="job"),
    path("jobs/<str:job_id>/error", JobError.as_view(), name="job_error"),
    path("jobs/<str:job_id>/error-<int:epoch>.txt", ErrorText.as_view(), name="job_error_text"),
    path("jobs/<str:job_id>/log", LogTail.as_view(), name="job_log"),
    path("jobs/<str:job_id>/log.txt", LogText.as_view(), name="job_log_text"),
    path("failures", FailuresPage.as_view(), name="failures"),
    path("failures/<slug:fingerprint>", FailureGroupPage.as_view(), name="failure_group"),
    path("fleet", FleetPage.as_view(), name="fleet"),
    path("fleet/<path:id>", OrchestratorPage.as_view(), name="orchestrator"),
    path("types", TypesPage.as_view(), name="types"),
    path("types/<str:name>", TypePage.as_view(), name="type"),
    path("sweeps", SweepsPage.as_view(), name="sweeps"),
    path("bulk", BulkOperationsPage.as_view(), name="bulk"),
    path("bulk/<slug:operation_id>", BulkOperationPage.as_view(), name="bulk_operation"),
    path("audit", AuditPage.as_view(), name="audit"),
    path("audit/<int:entry_id>", AuditEntryPage.as_view(), name="audit_entry"),
]
