"""What an existing orchestrator was recorded to send, sent again byte for byte, is taken as it was meant."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import leases
from jobs.actors import Holder
from jobs.models import Job, Orchestrator
from jobs.outcomes import Report
from tests.factories import STAFF, JobFactory
from tests.interoperability.recorded import Recording, recordings
from tests.ledger import assert_sound
from tests.raw_http import RawAnswer, Wire

SCRIPT = {"script": {"type": "BASH", "content": "true"}}
State = Callable[[Holder], Job]


@dataclass(frozen=True)
class Became:
    """What a job has become of a report."""

    status: str
    category: str | None = None
    exit_code: int | None = None
    last_error: str | None = None
    partial: bool = False


def queued(holder: Holder) -> Job:
    return JobFactory(payload=SCRIPT, priority=100)


def claimed(holder: Holder) -> Job:
    return JobFactory(status="claimed", holder=holder, payload=SCRIPT)


def acknowledged(holder: Holder) -> Job:
    job = claimed(holder)
    job.acknowledge(by=holder)
    return job


def running(holder: Holder) -> Job:
    return JobFactory(status="running", holder=holder, payload=SCRIPT)


def cancelling(holder: Holder) -> Job:
    job = running(holder)
    job.cancel(by=STAFF)
    return job


def timed_out(holder: Holder) -> Job:
    job = running(holder)
    job.complete(Report(status="timeout", exit_code=-1), by=holder)
    return job


NO_EXECUTOR = "No executor available for job type"
# For each recording: what it is, the state of the job that it is about, and what that becomes.
SUITS: list[tuple[str, State, Became | None]] = [
    ("asks what it held", running, Became("running")),
    ("opens a socket that nobody listens on", queued, None),
    ("polls", queued, Became("claimed")),
    ("acknowledges", claimed, Became("claimed")),
    ("makes an execution that we don't know", running, None),
    ("brings that execution up to date", running, None),
    ("starts", acknowledged, Became("running")),
    ("exits with 3", running, Became("failed", "exit_code", 3, "boom")),
    ("succeeds", running, Became("completed", exit_code=0)),
    ("fails with exit code 0", running, Became("failed", "unknown", 0, "Exit code 0")),
    ("can't start it", acknowledged, Became("failed", "configuration", None, f"{NO_EXECUTOR}: email")),
    ("was killed", running, Became("failed", "signal", 143, "Exit code 143")),
    ("succeeds but for one target", running, Became("completed", exit_code=101, partial=True)),
    ("fails on two targets", running, Became("failed", "exit_code", 2, "Exit code 2")),
    ("times out on one of two targets", running, Became("failed", "timeout", 101, "Timed out")),
    ("times out on two of three targets", running, Became("failed", "timeout", 102, "Timed out")),
    ("times out", running, Became("failed", "timeout", -1, "Timed out")),
    ("succeeds after it had timed out", timed_out, Became("failed", "timeout", -1, "Timed out")),
    ("gives back after a restart", running, Became("queued")),
    ("asks for our health", queued, None),
    ("tells its health", queued, None),
    ("tells its health in zero values", queued, None),
    ("starts without details", claimed, Became("running")),
    ("prepares", claimed, Became("claimed")),
    ("fails after it had timed out", timed_out, Became("failed", "timeout", -1, "Timed out")),
    ("can't start it, with exit code -1", claimed, Became("failed", "configuration", -1, f"{NO_EXECUTOR}: x")),
    ("times out and says failed", running, Became("failed", "timeout", -1, "Timed out")),
    ("exits with -3", running, Became("failed", "signal", -3, "Exit code -3")),
    ("obeys a cancel", cancelling, Became("cancelled", exit_code=0)),
    ("acknowledges a job that nobody knows", queued, None),
]
CASES = [pytest.param(recording, state, became, id=name) for recording, (name, state, became) in zip(recordings(), SUITS, strict=True)]


@pytest.mark.parametrize(("recording", "state", "became"), CASES)
def test_a_recorded_request_is_answered_and_taken_as_it_was_meant(
    wire: Wire, recording: Recording, state: State, became: Became | None
) -> None:
    job = state(Holder.of(recording.sender or "node-1"))
    answer = wire.exchange(recording.bytes_about(job.id))

    assert answer.status == recording.expect, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert not answer.closes
    READS.get(recording.path.rsplit("/", 1)[-1].partition("?")[0], reads_nothing)(answer, recording, job)
    if became:
        job.refresh_from_db()
        assert Became(job.status, job.error_category, job.exit_code, job.last_error, job.partial) == became
        assert_sound(job.id)
    # Whatever it was answered, the next request goes over the same connection.
    health = next(each for each in recordings() if each.path.endswith("/orchestrator/health"))
    assert wire.exchange(health.bytes_about("")).json["status"] == "healthy"


def reads_the_queue(answer: RawAnswer, recording: Recording, job: Job) -> None:
    told = next(each for each in answer.json["jobs"] if each["id"] == job.id)
    assert told["execution"] == SCRIPT | {"timeout": 3600, "target": {"type": "local"}, "environment": {}}
    assert datetime.fromisoformat(answer.json["metadata"]["nextPollAfter"]) < datetime.now(UTC) + timedelta(seconds=10)


def reads_what_it_held(answer: RawAnswer, recording: Recording, job: Job) -> None:
    assert isinstance(answer.json, list)
    assert {each["id"] for each in answer.json} == {held.id for held in Job.objects.held_by(recording.sender)}
    told = next(each for each in answer.json if each["id"] == job.id)
    assert (told["status"], told["execution"]["script"]) == ("running", SCRIPT["script"])


def reads_its_lease(answer: RawAnswer, recording: Recording, job: Job) -> None:
    if recording.expect == 404:
        return reads_an_error(answer, "JOB_NOT_FOUND")
    assert answer.json["success"] is True
    assert answer.json["lease"]["renewalToken"] == leases.token_of(job)
    return None


def reads_its_verdict(answer: RawAnswer, recording: Recording, job: Job) -> None:
    if recording.expect == 409:
        reads_an_error(answer, "ALREADY_FINISHED")
        assert answer.json["error"]["details"]["outcome"]["status"] == "failed"
        return
    assert (answer.json["success"], answer.json["job"]["id"], answer.json["nextAction"]) == (True, job.id, "continue")


def reads_that_there_is_nothing(answer: RawAnswer, recording: Recording, job: Job) -> None:
    reads_an_error(answer, "RESOURCE_NOT_FOUND")


def reads_our_health(answer: RawAnswer, recording: Recording, job: Job) -> None:
    if recording.method == "GET":
        assert (answer.json["status"], answer.json["database"]) == ("healthy", "connected")
    else:
        assert answer.json["success"] is True
        said = Orchestrator.objects.get(id=recording.sender).last_report
        assert said is not None
        assert said["uptime"] in (0, 12)


def reads_an_error(answer: RawAnswer, code: str) -> None:
    assert answer.json["error"]["code"] == code


def reads_nothing(answer: RawAnswer, recording: Recording, job: Job) -> None:
    pytest.fail(f"nobody looks at the answer to {recording.path}")


Reads = Callable[[RawAnswer, Recording, Job], Any]
READS: dict[str, Reads] = {
    "queue": reads_the_queue,
    "orphaned": reads_what_it_held,
    "acknowledge": reads_its_lease,
    "status": reads_its_verdict,
    "complete": reads_its_verdict,
    "release": reads_its_verdict,
    "socket": reads_that_there_is_nothing,
    "create": reads_that_there_is_nothing,
    "update": reads_that_there_is_nothing,
    "health": reads_our_health,
}


def recorded(*names: str) -> list[Recording]:
    """The recordings of these names."""
    by_name = {name: recording for (name, *_), recording in zip(SUITS, recordings(), strict=True)}
    return [by_name[name] for name in names]


@pytest.mark.parametrize(
    ("story", "status"),
    [
        (("polls", "acknowledges", "starts", "exits with 3"), "failed"),
        (("polls", "acknowledges", "starts", "times out", "succeeds after it had timed out"), "failed"),
        (("polls", "acknowledges", "can't start it"), "failed"),
        (("polls", "acknowledges", "starts", "asks what it held", "gives back after a restart"), "queued"),
    ],
)
def test_what_belongs_together_goes_through_from_the_first_poll_on(wire: Wire, story: tuple[str, ...], status: str) -> None:
    job = queued(Holder.of("node-1"))
    for recording in recorded(*story):
        answer = wire.exchange(recording.bytes_about(job.id))
        assert answer.status == recording.expect, answer.body

    assert Job.objects.get(id=job.id).status == status
    assert_sound(job.id)


def test_what_the_other_orchestrator_says_in_a_row_makes_sense_in_that_order(wire: Wire) -> None:
    job = claimed(Holder.of("orch-1"))
    for recording in recorded("prepares", "starts without details", "can't start it, with exit code -1", "fails after it had timed out"):
        answer = wire.exchange(recording.bytes_about(job.id))
        assert answer.status == recording.expect, answer.body

    assert (Job.objects.get(id=job.id).status, answer.json["error"]["code"]) == ("failed", "ALREADY_FINISHED")
