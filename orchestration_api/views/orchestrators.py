"""What orchestrators say of themselves, and how they ask whether we are there."""

from typing import Any

from django.db import connection
from rest_framework.request import Request
from rest_framework.response import Response

import jobs
from jobs import leases, statements, times
from jobs.leases import Pulse
from jobs.models import Orchestrator, Scope
from orchestration_api.permissions import opened_by
from orchestration_api.serializers import Heartbeat, SelfReport
from orchestration_api.views.base import check_orchestrator_id
from orchestration_api.views.repeatable import RepeatableViewSet


class OrchestratorViewSet(RepeatableViewSet):
    """`/orchestrator/heartbeat`, `health`, `me`, `metrics`."""

    @opened_by(Scope.ORCHESTRATE)
    def heartbeat(self, request: Request) -> Response:
        self.parse()
        holder = self.holder()
        fields = self.validate(Heartbeat)
        pulse = Pulse(
            named=_named(fields.get("running_jobs", []), holder.name),
            capacity=fields.get("capacity"),
            job_types=fields.get("job_types"),
            version=fields.get("version"),
            hostname=fields.get("hostname"),
            labels=fields.get("labels"),
            instance_id=fields.get("instance_id"),
        )
        answer = leases.heartbeat(pulse, by=holder)
        told: dict[str, Any] = {
            "success": True,
            "timestamp": times.written(times.now()),
            "leases": [{"jobId": job_id, "expiresAt": times.written(expires_at)} for job_id, expires_at in answer.leases],
            "cancel": answer.cancel,
            "abandon": answer.abandon,
            "unreported": answer.unreported,
        }
        return Response(told | self.remarks())

    @opened_by()
    def health(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        return Response(
            {"status": "healthy", "timestamp": times.written(times.now()), "database": "connected", "version": jobs.__version__}
        )

    @opened_by(Scope.ORCHESTRATE)
    def self_report(self, request: Request) -> Response:
        """Whatever an orchestrator reports of itself: kept, shown, and counted as contact."""
        self.parse()
        holder = self.holder()
        self.validate(SelfReport)
        statements.run("contact", orchestrator_id=holder.name)
        Orchestrator.objects.filter(id=holder.name).update(last_report=self.body)
        return Response({"success": True, "timestamp": times.written(times.now())})

    @opened_by()
    def me(self, request: Request) -> Response:
        """Who the caller is to us; a producer's token speaks for no orchestrator."""
        caller = self.caller
        speaks = Scope.ORCHESTRATE in caller.scopes or caller.bound
        if name := request.META.get("HTTP_X_ORCHESTRATOR_ID"):
            # Also where it says nothing.
            check_orchestrator_id(name)
        return Response(
            {
                "orchestratorId": self.holder().name if speaks else None,
                "name": caller.name,
                "scopes": [scope.value for scope in Scope if scope in caller.scopes],
                "expiresAt": times.written(caller.expires_at),
                "timestamp": times.written(times.now()),
            }
        )


def _named(jobs_sent: list[dict[str, Any]], orchestrator_id: str) -> list[dict[str, Any]]:
    epochs = leases.epochs_of([(job["job_id"], job.get("lease_token")) for job in jobs_sent], orchestrator_id=orchestrator_id)
    return [
        {"job_id": job["job_id"], "epoch": epoch, "progress": job.get("progress")} for job, epoch in zip(jobs_sent, epochs, strict=True)
    ]
