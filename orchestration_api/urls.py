"""The machine door's addresses: no trailing slashes, no redirects."""

from typing import Any

from django.urls import path, re_path
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orchestration_api.views.batch import BatchViewSet
from orchestration_api.views.bulk import BulkViewSet
from orchestration_api.views.events import EventViewSet
from orchestration_api.views.failure_groups import FailureGroupViewSet
from orchestration_api.views.figures import FigureViewSet
from orchestration_api.views.jobs import JobViewSet
from orchestration_api.views.orchestrators import OrchestratorViewSet
from orchestration_api.views.queue import QueueViewSet
from orchestration_api.views.reports import ReportViewSet


class NothingHere(APIView):
    """Every other address."""

    authentication_classes = ()
    permission_classes = ()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.http_method_not_allowed = self._not_found  # type: ignore[method-assign]
        return super().dispatch(request, *args, **kwargs)

    def _not_found(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NotFound


nothing_here = NothingHere.as_view()
release = ReportViewSet.as_view({"post": "release"})
urlpatterns = [
    # This GET claims, so there is no HEAD of it; Django would route that to it.
    path("jobs/queue", QueueViewSet.as_view({"get": "claim_by_get"}, http_method_names=["get", "options"])),
    path("jobs/claim", QueueViewSet.as_view({"post": "claim"})),
    path("jobs/orphaned", QueueViewSet.as_view({"get": "orphaned"})),
    path("jobs/status", BatchViewSet.as_view({"post": "report"})),
    path("jobs/stats", JobViewSet.as_view({"get": "stats"})),
    path("jobs", JobViewSet.as_view({"get": "index", "post": "create"})),
    path("jobs/<str:job_id>", JobViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("jobs/<str:job_id>/history", JobViewSet.as_view({"get": "history"})),
    path("jobs/<str:job_id>/timing", JobViewSet.as_view({"get": "timing"})),
    path("jobs/<str:job_id>/attempts", JobViewSet.as_view({"get": "attempts"})),
    path("jobs/<str:job_id>/blockers", JobViewSet.as_view({"get": "blockers"})),
    path("jobs/<str:job_id>/cancel", JobViewSet.as_view({"post": "cancel"})),
    path("jobs/<str:job_id>/retry", JobViewSet.as_view({"post": "retry"})),
    path("jobs/<str:job_id>/run-again", JobViewSet.as_view({"post": "run_again"})),
    path("jobs/<str:job_id>/acknowledge", ReportViewSet.as_view({"post": "acknowledge"})),
    path("jobs/<str:job_id>/status", ReportViewSet.as_view({"put": "status"})),
    path("jobs/<str:job_id>/complete", ReportViewSet.as_view({"post": "complete"})),
    path("jobs/<str:job_id>/fail", ReportViewSet.as_view({"post": "fail"})),
    path("jobs/<str:job_id>/release", release),
    path("jobs/<str:job_id>/lease/renew", ReportViewSet.as_view({"post": "renew"})),
    path("jobs/<str:job_id>/logs", ReportViewSet.as_view({"post": "append_logs", "get": "read_logs"})),
    path("jobs/<str:job_id>/logs.txt", JobViewSet.as_view({"get": "text_log"})),
    path("jobs/<str:job_id>/output.txt", JobViewSet.as_view({"get": "text_output"})),
    path("bulk-operations", BulkViewSet.as_view({"get": "index", "post": "create"})),
    path("bulk-operations/<str:operation_id>", BulkViewSet.as_view({"get": "retrieve"})),
    path("bulk-operations/<str:operation_id>/items", BulkViewSet.as_view({"get": "items"})),
    path("bulk-operations/<str:operation_id>/confirm", BulkViewSet.as_view({"post": "confirm"})),
    path("bulk-operations/<str:operation_id>/pause", BulkViewSet.as_view({"post": "pause"})),
    path("bulk-operations/<str:operation_id>/resume", BulkViewSet.as_view({"post": "resume"})),
    path("bulk-operations/<str:operation_id>/stop", BulkViewSet.as_view({"post": "stop"})),
    path("failure-groups", FailureGroupViewSet.as_view({"get": "index"})),
    path("failure-groups/<str:fingerprint>", FailureGroupViewSet.as_view({"get": "retrieve"})),
    *(
        path(f"failure-groups/<str:fingerprint>/{act}", FailureGroupViewSet.as_view({"post": act}))
        for act in ("acknowledge", "snooze", "resolve", "reopen", "retry")
    ),
    path("figures", FigureViewSet.as_view({"get": "index"})),
    path("events", EventViewSet.as_view({"get": "index"})),
    path("orchestrator/heartbeat", OrchestratorViewSet.as_view({"post": "heartbeat"})),
    path("orchestrator/health", OrchestratorViewSet.as_view({"get": "health", "post": "self_report"})),
    path("orchestrator/metrics", OrchestratorViewSet.as_view({"post": "self_report"})),
    path("orchestrator/me", OrchestratorViewSet.as_view({"get": "me"})),
    re_path("", nothing_here),
]
