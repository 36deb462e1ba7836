"""What is held is ended without waiting for its orchestrator: by those with leave alone, each asked for a reason."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from jobs.actors import Holder
from jobs.lifecycle import Status, TransitionRefused
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report
from tests.factories import JobFactory

LIST = "/admin/jobs/job/"
WHY = "its machine has burnt down"
FORCED = {"force_fail": "failed", "force_cancel": "cancelled"}


def client_with(*codenames: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


@pytest.fixture
def olga(db: None) -> Client:
    return client_with("change_job", "force_job")


def force(client: Client, action: str, *jobs: Job, **more: str) -> Any:
    return client.post(LIST, {"action": action, "index": "0", "_selected_action": [job.id for job in jobs], **more}, follow=True)


@pytest.mark.parametrize("action", FORCED)
@pytest.mark.parametrize("status", ["claimed", "running"])
def test_what_is_held_ends_at_once_and_what_its_holder_says_then_is_not_taken(
    olga: Client, holder: Holder, action: str, status: str
) -> None:
    job = JobFactory(status=status, max_attempts=3)
    asked = force(olga, action, job)
    assert "will " in asked.text
    assert 'name="reason"' in asked.text
    job.refresh_from_db()
    assert job.status == status

    told = force(olga, action, job, confirmed="1", reason=WHY)
    job.refresh_from_db()
    assert f"1 {FORCED[action]}." in told.text
    assert job.status == FORCED[action]
    entry = AuditEntry.objects.filter(job_id=job.id).latest("sequence")
    assert (entry.actor_kind, entry.actor, entry.reason, entry.request_id) == ("user", "olga", WHY, "request-of-olga")
    with pytest.raises(TransitionRefused):
        job.complete(Report(exit_code=0), by=holder)
    job.refresh_from_db()
    assert job.status == FORCED[action]


def test_what_failed_by_force_says_by_whom_and_why(olga: Client) -> None:
    job = JobFactory(status="running")
    force(olga, "force_fail", job, confirmed="1", reason=WHY)

    job.refresh_from_db()
    assert job.last_error == f"Ended by olga: {WHY}"


@pytest.mark.parametrize("action", FORCED)
def test_what_is_not_held_is_left_out_and_told(olga: Client, action: str) -> None:
    jobs = [JobFactory(status=status) for status in Status if not status.is_live]
    held = JobFactory(status="running")
    told = force(olga, action, held, *jobs, Job(id="job_gone"), confirmed="1", reason=WHY).text

    assert f"1 {FORCED[action]}, " in told
    assert "1 skipped: already queued" in told
    assert "1 skipped: no such job" in told
    assert [Job.objects.get(id=job.id).status for job in jobs] == [job.status for job in jobs]


@pytest.mark.parametrize("action", FORCED)
def test_who_may_only_change_jobs_is_neither_offered_nor_given_it(db: None, action: str) -> None:
    client, job = client_with("change_job"), JobFactory(status="running")
    assert "Force" not in client.get(LIST).text
    answer = force(client, action, job, confirmed="1", reason=WHY)

    assert answer.status_code == 403
    assert "jobs.force_job" in answer.text
    job.refresh_from_db()
    assert job.status == "running"


@pytest.mark.parametrize("many", [{"select_across": "1"}, {"_selected_action": [f"job_{number}" for number in range(51)]}])
def test_more_than_a_page_is_not_forced(olga: Client, many: dict[str, Any]) -> None:
    job = JobFactory(status="running")
    told = olga.post(LIST, {"action": "force_fail", "index": "0", "confirmed": "1", "reason": WHY, **many}, follow=True).text

    assert "At most 50 jobs are forced at once; nothing was done." in told
    job.refresh_from_db()
    assert job.status == "running"
