"""The pages of the operations UI."""

from django.urls import path

from jobs.views.audit import AuditPage
from jobs.views.job import JobPage
from jobs.views.job_texts import ErrorText, LogText
from jobs.views.logs import LogTail

app_name = "pages"
urlpatterns = [
    path("jobs/<str:job_id>", JobPage.as_view(), name="job"),
    path("jobs/<str:job_id>/log", LogTail.as_view(), name="job_log"),
    path("jobs/<str:job_id>/log.txt", LogText.as_view(), name="job_log_text"),
    path("jobs/<str:job_id>/error-<int:epoch>.txt", ErrorText.as_view(), name="job_error_text"),
    path("audit", AuditPage.as_view(), name="audit"),
]
