"""The client keeps to the contract, also when the network and the server do not."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.client import Client, Refused, Unavailable, pause_before
from orchestrator.conformance.site.faults import Fault, Kind
from tests.orchestrator.played_site import TOKEN, PlayedSite


@pytest.fixture
def client(server: PlayedSite) -> Iterator[Client]:
    with Client(url=server.url, token=TOKEN, orchestrator_id="o-1") as client:
        yield client


def _claim_one(client: Client, claim_id: str = "c-1") -> tuple[str, str]:
    (job,) = client.claim(batch_size=1, claim_id=claim_id)["jobs"]
    return job["id"], job["lease"]["token"]


def test_every_report_says_who_sends_it_when_and_by_which_lease(server: PlayedSite, client: Client) -> None:
    job_id = server.enqueue_script()
    _, lease_token = _claim_one(client)
    client.acknowledge(job_id, lease_token=lease_token)
    client.start(job_id, lease_token=lease_token)
    client.complete(job_id, {"exitCode": 0}, lease_token=lease_token)
    for request in server.sent("")[1:]:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["x-orchestrator-id"] == "o-1"
        assert request.headers["x-lease-token"] == lease_token
        assert request.headers["content-type"] == "application/json"
        assert request.body["timestamp"] == request.headers["x-request-timestamp"]
        assert abs(datetime.fromisoformat(request.body["timestamp"]) - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("kind", [500, 502, 503, 429, "drop", "lost"])
def test_a_report_is_sent_again_with_a_new_timestamp_and_nothing_else_changed(kind: Kind, server: PlayedSite, client: Client) -> None:
    job_id = server.enqueue_script()
    _, lease_token = _claim_one(client)
    client.start(job_id, lease_token=lease_token)
    server.faults = [Fault("/fail", kind, times=2)]
    client.fail(job_id, {"error": "boom", "exitCode": 3}, lease_token=lease_token, retry_seconds=10)
    first, second, third = server.sent("/fail")
    assert len({request.body.pop("timestamp") for request in (first, second, third)}) == 3
    assert first.body == second.body == third.body == {"error": "boom", "exitCode": 3}
    assert first.headers["x-request-id"] == third.headers["x-request-id"]
    assert server.verbs(job_id) == ["status", "fail"]


def test_retry_after_is_waited_for(server: PlayedSite, client: Client) -> None:
    job_id = server.enqueue_script()
    _, lease_token = _claim_one(client)
    server.faults = [Fault("/acknowledge", 503, headers={"Retry-After": "1"})]
    client.acknowledge(job_id, lease_token=lease_token, retry_seconds=10)
    first, second = server.sent("/acknowledge")
    assert second.at - first.at >= 1.0


def test_a_refusal_is_final_and_says_whether_to_abandon(server: PlayedSite, client: Client) -> None:
    job_id = server.enqueue_script()
    _claim_one(client)
    with pytest.raises(Refused, match="409 LEASE_LOST") as caught:
        client.start(job_id, lease_token="0.old", retry_seconds=10)
    assert caught.value.abandon
    with pytest.raises(Refused, match="404 JOB_NOT_FOUND") as caught:
        client.start("job/../x y", lease_token="0.old", retry_seconds=10)
    assert not caught.value.abandon
    assert len(server.sent("/status")) == 2
    assert server.sent("/status")[1].path == "/jobs/job%2F..%2Fx%20y/status"


def test_the_same_claim_id_brings_a_lost_answer_back(server: PlayedSite, client: Client) -> None:
    job_id = server.enqueue_script()
    server.faults = [Fault("/claim", "lost")]
    with pytest.raises(Unavailable):
        client.claim(batch_size=4, claim_id="c-1")
    assert _claim_one(client, "c-1")[0] == job_id


def test_a_wrong_clock_is_corrected_by_the_servers(server: PlayedSite, client: Client) -> None:
    job_id = server.enqueue_script()
    _, lease_token = _claim_one(client)
    server.move_clock(timedelta(days=400))
    client.start(job_id, lease_token=lease_token)
    refused, taken = server.sent("/status")
    assert abs(server.clock.until(datetime.fromisoformat(refused.body["timestamp"]))) > 86_400
    assert abs(server.clock.until(datetime.fromisoformat(taken.body["timestamp"]))) < 5


def test_a_clock_that_is_refused_twice_is_not_argued_about(server: PlayedSite, client: Client) -> None:
    error = {"code": "TIMESTAMP_OUT_OF_RANGE", "details": {"serverTime": "2031-01-01T00:00:00.000000Z"}}
    server.faults = [Fault("/heartbeat", 400, times=5, error=error)]
    with pytest.raises(Refused, match="TIMESTAMP_OUT_OF_RANGE"):
        client.heartbeat({"runningJobs": []})
    assert len(server.sent("/heartbeat")) == 2


def test_an_answer_that_is_not_the_servers_is_no_answer() -> None:
    with PlayedSite() as server, Client(url=server.url, token="wrong", orchestrator_id="o-1") as client:
        with pytest.raises(Refused, match="401 AUTH_INVALID_TOKEN"):
            client.orphaned(retry_seconds=10)
        assert len(server.sent("/orphaned")) == 1
    with Client(url=server.url, token=TOKEN, orchestrator_id="o-1") as client, pytest.raises(Unavailable, match="ConnectError"):
        client.health()


def test_closing_ends_the_waiting_between_tries(server: PlayedSite) -> None:
    closing = threading.Event()
    server.faults = [Fault("/orphaned", 503, times=100, headers={"Retry-After": "30"})]
    with Client(url=server.url, token=TOKEN, orchestrator_id="o-1", closing=closing) as client:
        threading.Timer(0.2, closing.set).start()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            client.orphaned(retry_seconds=600)
        assert time.monotonic() - began < 2


def test_pauses_grow_are_jittered_and_end() -> None:
    for attempt, (least, most) in enumerate([(0.25, 0.5), (0.5, 1), (1, 2), (2, 4), (4, 8), (7.5, 15), (7.5, 15)]):
        pauses = {pause_before(attempt) for _ in range(50)}
        assert least <= min(pauses) < max(pauses) <= most
    assert pause_before(100_000) <= 15
    assert pause_before(0, retry_after=7) == 7
    assert pause_before(0, retry_after=86_400) == 60
