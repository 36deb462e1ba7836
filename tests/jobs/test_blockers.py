"""Why a job is not running: every reason with its numbers, on the wire, on its page and by command."""

import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from rest_framework.test import APIClient

from jobs import blockers, job_types, leases, pausing
from jobs.actors import Holder
from jobs.blockers import COUNTED_TO, MOST_NAMED, Blocker
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.leases import Pulse
from jobs.lifecycle import JobNotFound, Status
from jobs.models import Job, Pause
from jobs.outcomes import Report
from jobs.pausing import Subject
from jobs.times import written
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory, claimed
from tests.orchestration_api.wire import send
from tests.statements import counted

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]
WHY = "the disk is being changed"
LATER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def orchestrator(holder: Any) -> None:
    """One that takes any type."""
    claim(by=holder, batch_size=1)


def make(count: int, **fields: Any) -> list[str]:
    return [job.id for job in enqueue([NewJob(**{"type": "a", **fields}) for _ in range(count)], by=PRODUCER)]


def told(job_id: str) -> list[Blocker]:
    return blockers.look(job_id).blockers


def codes(job_id: str) -> list[str]:
    return [blocker.code for blocker in told(job_id)]


def of(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


@pytest.mark.usefixtures("orchestrator")
def test_nothing_keeps_the_job_that_the_next_claim_gets() -> None:
    (first,) = make(1)
    assert told(first) == []
    assert blockers.look(first).is_free


@pytest.mark.usefixtures("orchestrator")
def test_a_job_that_is_scheduled_is_not_due_until_then_and_until_then_no_job_is_ahead() -> None:
    make(1, priority=90)
    job = JobFactory(type="a", scheduled_for=LATER)
    (blocker,) = told(job.id)

    assert (blocker.code, blocker.details) == ("not_due", {"scheduledFor": "2099-01-01T00:00:00.000000Z"})
    assert blocker.message.startswith("It is not due until 2099-01-01 00:00:00 UTC, in ")


def failed(**rest: Any) -> Job:
    job = JobFactory(status="running", max_attempts=3)
    job.fail(Report(error="it broke", retryable=True, retry_after_seconds=250), by=HOLDER)
    return job


def test_a_job_that_failed_waits_for_its_retry_after_which_attempt() -> None:
    job = failed()
    (blocker,) = told(job.id)

    assert blocker.code == "retry_wait"
    assert blocker.details == {"scheduledFor": written(job.scheduled_for), "afterAttempt": 1, "maxAttempts": 3}
    assert blocker.message.startswith(f"Attempt 1 of 3 failed; it waits for the next one until {of(job.scheduled_for)}, in 4m ")


def test_a_retry_that_was_given_another_time_is_scheduled_and_waits_no_more_for_its_retry() -> None:
    job = failed()
    job.edit(by=STAFF, priority=60)
    assert codes(job.id) == ["retry_wait"]

    job.edit(by=STAFF, scheduled_for=LATER)
    assert codes(job.id) == ["not_due"]


@pytest.mark.usefixtures("orchestrator")
def test_a_job_that_staff_retried_before_its_time_is_scheduled() -> None:
    job = JobFactory(scheduled_for=LATER)
    job.cancel(by=STAFF)
    job.retry(by=STAFF)
    assert codes(job.id) == ["not_due"]


@pytest.mark.usefixtures("orchestrator")
@pytest.mark.parametrize(
    ("subject", "code", "begins", "more"),
    [
        (pausing.SITE, "site_paused", "All claims are paused", {}),
        (Subject.type("a"), "type_paused", "Claims of a jobs are paused", {"type": "a"}),
    ],
    ids=["site", "type"],
)
def test_a_pause_is_told_with_who_since_when_and_why(subject: Subject, code: str, begins: str, more: dict[str, str]) -> None:
    (job_id,) = make(1)
    pausing.pause(by=STAFF, reason=WHY, subject=subject)
    (blocker,) = told(job_id)
    at = Pause.objects.get().at

    assert blocker.code == code
    assert blocker.message == f"{begins} by anna since {of(at)}: {WHY}."
    assert blocker.details == {**more, "by": "anna", "since": written(at), "reason": WHY}


def test_when_nobody_ever_took_such_jobs_that_is_all_there_is_to_say() -> None:
    (job_id,) = make(1)
    (blocker,) = told(job_id)

    assert blocker.message == "No orchestrator that was heard of within 10m takes a jobs."
    assert blocker.details == {"type": "a", "labels": [], "withinSeconds": 600, "silent": [], "stopped": []}


@pytest.mark.usefixtures("orchestrator")
def test_who_took_such_jobs_and_is_silent_or_stopped_is_told(sql: Sql) -> None:
    claim(by=OTHER, batch_size=1)
    pausing.drain(OTHER.name, by=STAFF, reason=WHY)
    sql("update orchestrators set last_seen_at = last_seen_at - interval '1 hour' where id = %s", HOLDER.name)
    (job_id,) = make(1)
    (blocker,) = told(job_id)
    seen: dict[str, datetime] = dict(sql("select id, last_seen_at from orchestrators"))
    drained_at = Pause.objects.get().at

    assert blocker.message == (
        "No orchestrator that was heard of within 10m takes a jobs. The last one that did is orch-1, last heard of 1h 00m ago. "
        f"orch-2 is drained by anna since {of(drained_at)}: {WHY}."
    )
    assert blocker.details["silent"] == [{"orchestratorId": "orch-1", "lastSeenAt": written(seen["orch-1"])}]
    assert blocker.details["stopped"] == [
        {
            "orchestratorId": "orch-2",
            "lastSeenAt": written(seen["orch-2"]),
            "mode": "drained",
            "by": "anna",
            "since": written(drained_at),
            "reason": WHY,
        }
    ]


@pytest.mark.usefixtures("orchestrator")
def test_a_type_at_its_limit_is_told_with_who_holds_how_many() -> None:
    job_types.configure("a", by=STAFF, reason=WHY, concurrency_limit=3)
    make(3)
    for holder, count in ((HOLDER, 1), (OTHER, 2)):
        claim(by=holder, batch_size=count)
    next_one, last = make(2)
    (blocker,) = told(next_one)

    assert (blocker.code, blocker.message) == (
        "limit_reached",
        "3 a jobs are held, of which there may be 3 at a time: 2 by orch-2, 1 by orch-1.",
    )
    assert blocker.details == {
        "type": "a",
        "limit": 3,
        "held": 3,
        "holders": [{"orchestratorId": "orch-2", "jobs": 2}, {"orchestratorId": "orch-1", "jobs": 1}],
    }
    # When one of them ends, the others of its type go first.
    assert [each.message for each in told(last)[1:]] == ["1 job is ahead of it for orch-1, which would come to it first."]


def test_of_many_holders_the_busiest_are_named_and_the_others_counted() -> None:
    job_types.configure("a", by=STAFF, reason=WHY, concurrency_limit=MOST_NAMED + 3)
    make(MOST_NAMED + 4)
    for number in range(MOST_NAMED + 3):
        claim(by=Holder.of(f"o-{number:02}"), batch_size=1)
    (blocker,) = told(Job.objects.get(status=Status.QUEUED).id)

    assert blocker.message.endswith("1 by o-09, 3 by others.")
    assert len(blocker.details["holders"]) == MOST_NAMED


def test_what_a_job_requires_is_told_where_nobody_has_it() -> None:
    claim(by=HOLDER, batch_size=1, labels=["eu"])
    (job_id,) = make(1, labels=["gpu", "eu"])
    (blocker,) = told(job_id)

    assert blocker.message == "No orchestrator that was heard of within 10m takes a jobs that require eu, gpu."
    assert blocker.details["labels"] == ["eu", "gpu"]


@pytest.mark.usefixtures("orchestrator")
def test_the_jobs_ahead_are_those_that_a_claim_gets_first() -> None:
    chance = random.Random(1)  # noqa: S311  no secret: repeatable
    began = datetime.now(UTC)
    made = enqueue(
        [
            NewJob(
                type=chance.choice("abc"),
                priority=chance.choice((0, 50, 100)),
                scheduled_for=began - timedelta(seconds=chance.randrange(3)),
            )
            for _ in range(60)
        ],
        by=PRODUCER,
    )
    # As when a time has come that neither a claim nor a sweep has seen yet.
    Job.objects.filter(id__in=[job.id for job in made[::4]]).update(due=False)
    ordered = sorted(made, key=lambda job: (-job.priority, job.scheduled_for, job.id))

    for place, job in enumerate(ordered):
        assert [blocker.details["jobs"] for blocker in told(job.id)] == [place] * bool(place)


def test_they_are_counted_for_the_orchestrator_that_would_come_to_it_first() -> None:
    claim(by=HOLDER, batch_size=1)
    claim(by=OTHER, batch_size=1)
    make(3, type="b", priority=90)
    make(2)
    (last,) = make(1)
    (blocker,) = told(last)
    assert blocker.message == "5 jobs are ahead of it for orch-1, which would come to it first."

    leases.heartbeat(Pulse(job_types=["a"]), by=OTHER)
    (blocker,) = told(last)
    assert blocker.message == "2 jobs are ahead of it for orch-2, which would come to it first."
    assert blocker.details == {"jobs": 2, "hasMore": False, "orchestratorId": "orch-2"}


@pytest.mark.usefixtures("orchestrator")
def test_they_are_counted_to_a_limit() -> None:
    make(COUNTED_TO)
    (exact,) = make(1)
    assert told(exact)[0].message == "1,000 jobs are ahead of it for orch-1, which would come to it first."

    (beyond,) = make(1)
    (blocker,) = told(beyond)
    assert blocker.message == "1,000+ jobs are ahead of it for orch-1, which would come to it first."
    assert blocker.details == {"jobs": 1000, "hasMore": True, "orchestratorId": "orch-1"}


@pytest.mark.usefixtures("orchestrator")
def test_that_a_job_is_handed_out_in_a_batch_of_its_own_keeps_it_from_nothing() -> None:
    first, suspect = make(2)
    Job.objects.filter(id=suspect).update(claim_losses=2)
    assert (codes(first), codes(suspect)) == ([], ["jobs_ahead"])

    assert [job.id for job in claim(by=HOLDER, batch_size=2).jobs] == [first]
    assert codes(suspect) == []
    assert [job.id for job in claim(by=HOLDER, batch_size=2).jobs] == [suspect]


def test_all_reasons_are_told_at_once_and_in_one_statement() -> None:
    make(1)
    pausing.pause(by=STAFF, reason=WHY)
    pausing.pause(by=STAFF, reason=WHY, subject=Subject.type("a"))
    (job_id,) = make(1, scheduled_for=LATER)

    with counted() as sent:
        assert codes(job_id) == ["not_due", "site_paused", "type_paused", "no_orchestrator"]
    assert sent.statements == 1


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.QUEUED])
def test_a_job_that_is_not_queued_has_no_blockers(status: Status, api: APIClient) -> None:
    job = JobFactory(status=status)
    pausing.pause(by=STAFF, reason=WHY)
    answer = send(api, "get", f"/jobs/{job.id}/blockers").json()

    assert (answer["jobId"], answer["status"], answer["blockers"]) == (job.id, status, [])


def test_the_api_tells_them(api: APIClient) -> None:
    job = JobFactory(type="a", scheduled_for=LATER)
    answer = send(api, "get", f"/jobs/{job.id}/blockers").json()

    assert [each["code"] for each in answer["blockers"]] == ["not_due", "no_orchestrator"]
    assert answer == {**blockers.look(job.id).told(), "asOf": answer["asOf"]}


def test_the_page_of_a_queued_job_tells_them_and_of_no_other(admin_client: Client) -> None:
    pausing.pause(by=STAFF, reason="<b>bold</b>")
    job = JobFactory(type="a")
    page = admin_client.get(reverse("admin:jobs_job_change", args=[job.id])).content.decode()
    assert "Why is it not running?" in page
    for blocker in told(job.id):
        assert escape(blocker.message) in page

    pausing.resume(by=STAFF, reason=WHY)
    claimed(job)
    assert "Why is it not running?" not in admin_client.get(reverse("admin:jobs_job_change", args=[job.id])).content.decode()


@pytest.mark.usefixtures("orchestrator")
def test_the_command_tells_them() -> None:
    free, kept = make(1)[0], make(1, scheduled_for=LATER)[0]

    assert why(free).splitlines()[1:] == ["Nothing keeps it: the next claim by an orchestrator that takes such jobs gets it."]
    assert why(kept).splitlines()[1].startswith("not_due          It is not due until 2099-01-01 00:00:00 UTC, in ")
    assert json.loads(why(kept, "--format", "json"))["blockers"][0]["code"] == "not_due"


def test_a_job_that_is_not_there_is_told_so() -> None:
    with pytest.raises(JobNotFound, match="There is no job job_nope"):
        blockers.look("job_nope")
    with pytest.raises(CommandError, match="There is no job job_nope"):
        why("job_nope")


def why(*arguments: str) -> str:
    output = io.StringIO()
    call_command("why", *arguments, stdout=output)
    return output.getvalue()
