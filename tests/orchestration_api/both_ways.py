"""The same report sent by the single call and in a batch, and its answers in one form, so that they can be compared."""

import json
import re
from typing import Any

from django.http import HttpResponse
from rest_framework.test import APIClient

from jobs.models import AuditEntry, Job
from tests.orchestration_api.wire import BASE

Told = dict[str, Any]
_STATUS = {"start": "running", "cancel": "cancelled", "progress": "preparing"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def by_single_call(api: APIClient, update: dict[str, Any]) -> Told:
    """Sends an update by the call that it stands for."""
    body = {key: value for key, value in update.items() if key not in ("jobId", "action")}
    path = f"{BASE}/jobs/{update['jobId']}"
    action = update["action"]
    if action in _STATUS:
        token = {"leaseToken": body.pop("leaseToken")} if "leaseToken" in body else {}
        answer = _sent(api, "put", f"{path}/status", {"status": _STATUS[action], "details": body} | token)
    else:
        answer = _sent(api, "post", f"{path}/{action}", body)
    whole = answer.json()
    told: Told = {"ok": answer.status_code == 200}
    if told["ok"]:
        told |= {"nextAction": whole["nextAction"], "replayed": whole.get("replayed"), "status": whole["job"]["status"]}
    else:
        # What can't be read is not looked up.
        status = None if answer.status_code in (400, 422) else _status_of(update["jobId"])
        told |= {"error": _comparable(whole["error"], update["jobId"]), "status": status}
    return told | {name: whole.get(name) for name in ("ignored", "replaced")}


def in_one_batch(api: APIClient, updates: list[dict[str, Any]]) -> list[Told]:
    """Sends all updates at once."""
    answer = _sent(api, "post", f"{BASE}/jobs/status", {"updates": updates})
    assert answer.status_code == 200, answer.content
    whole = answer.json()
    assert [result["jobId"] for result in whole["results"]] == [update["jobId"] for update in updates]
    assert whole["applied"] == sum(result["ok"] for result in whole["results"]) == len(updates) - whole["rejected"]
    return [_told(result) for result in whole["results"]]


def story(job_id: str) -> tuple[Any, ...]:
    """What has become of a job, but for times and ids: its columns and its audit entries."""
    job = Job.objects.get(id=job_id)
    columns = (job.status, job.attempts, job.epoch, job.exit_code, job.error_category, job.last_error, job.result, job.orchestrator_id)
    log = AuditEntry.objects.filter(job_id=job_id).order_by("sequence")
    told = [(e.action, e.from_status, e.to_status, e.actor, e.epoch, e.attempt, e.reason, _without_chance(e.detail)) for e in log]
    return *columns, job.phase, job.progress, job.partial, job.audit_seq, job.late_epochs, told


def _sent(api: APIClient, method: str, path: str, body: Any) -> Any:
    answer: HttpResponse = getattr(api, method)(path, json.dumps(body), content_type="application/json")
    return answer


def _told(result: dict[str, Any]) -> Told:
    told = {"ok": result["ok"], "status": result["status"], "ignored": result.get("ignored"), "replaced": result.get("replaced")}
    if result["ok"]:
        return told | {"nextAction": result["nextAction"], "replayed": result.get("replayed")}
    stops = result["error"]["details"].get("nextAction")
    assert not stops or result["nextAction"] == stops
    return told | {"error": _comparable(result["error"], result["jobId"])}


def _comparable(error: dict[str, Any], job_id: str) -> Any:
    said = {"code": error["code"], "message": error["message"], "details": error["details"]}
    return json.loads(_TIME.sub("<time>", json.dumps(said).replace(job_id, "<id>")))


def _status_of(job_id: str) -> str | None:
    return Job.objects.filter(id=job_id).values_list("status", flat=True).first()


def _without_chance(detail: Any) -> Any:
    """(Of a cancel it tells when it was requested and seen: at another time for each job.)"""
    return {key: value for key, value in detail.items() if key not in ("delaySeconds", "cancel")} if detail else detail
