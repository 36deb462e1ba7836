"""The conformance kit's server: leases that run out, batches, faults. Single answers are held against the real one in tests/acceptance."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from orchestrator.conformance.site.faults import Fault
from orchestrator.conformance.site.jobs import LeaseLengths
from orchestrator.conformance.site.server import SiteServer

Json = dict[str, Any]
SHORT = LeaseLengths(claimed=0.2, acknowledged=0.4, heartbeat=0.3, after_timeout=0.1)


@pytest.fixture
def site() -> Iterator[SiteServer]:
    with SiteServer(token=None) as site:
        yield site


@pytest.fixture
def client(site: SiteServer) -> Iterator[httpx2.Client]:
    headers = {"Authorization": "Bearer anything", "X-Orchestrator-ID": "o-1"}
    with httpx2.Client(base_url=f"{site.url}/api/internal", headers=headers, trust_env=False) as client:
        yield client


def _claim(client: httpx2.Client, **more: Any) -> list[Json]:
    jobs: list[Json] = client.post("/jobs/claim", json=more).json()["jobs"]
    return jobs


def _later(site: SiteServer, seconds: float) -> None:
    with site.changed:
        site.changed.wait_for(lambda: False, timeout=seconds)


def test_a_claim_that_is_not_answered_goes_back_to_the_queue(site: SiteServer, client: httpx2.Client) -> None:
    site.lengths = SHORT
    job = site.enqueue({})
    (claimed,) = _claim(client)
    _later(site, 0.25)
    answer = client.put(f"/jobs/{job.id}/status", json={"status": "running"}, headers={"X-Lease-Token": claimed["lease"]["token"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "LEASE_EXPIRED")
    (again,) = _claim(client)
    assert (again["id"], again["epoch"]) == (job.id, 2)


def test_heartbeats_keep_a_run_and_without_them_it_fails(site: SiteServer, client: httpx2.Client) -> None:
    site.lengths = SHORT
    job = site.enqueue({})
    (claimed,) = _claim(client)
    client.put(f"/jobs/{job.id}/status", json={"status": "running"})
    named = {"runningJobs": [{"jobId": job.id, "leaseToken": claimed["lease"]["token"]}]}
    for _ in range(3):
        _later(site, 0.15)
        assert client.post("/orchestrator/heartbeat", json=named).json()["abandon"] == []
    _later(site, 0.35)
    assert client.post("/orchestrator/heartbeat", json=named).json()["abandon"] == [job.id]
    assert (job.status, job.ending["category"]) == ("failed", "lease_lost")


def test_after_an_outage_of_its_own_no_lease_ends_at_once(site: SiteServer, client: httpx2.Client) -> None:
    site.lengths = SHORT
    job = site.enqueue({})
    _claim(client)
    _later(site, 0.25)
    site.hold_brake()
    assert client.put(f"/jobs/{job.id}/status", json={"status": "running"}).status_code == 200


def test_a_batch_is_judged_item_by_item_and_may_claim(site: SiteServer, client: httpx2.Client) -> None:
    first, second, third = (site.enqueue({}) for _ in range(3))
    _claim(client, batchSize=2)
    updates = [
        {"jobId": first.id, "action": "start"},
        {"jobId": second.id, "action": "complete", "exitCode": 0},
        {"jobId": second.id, "action": "fail", "error": "twice"},
        {"jobId": "job_of_nobody", "action": "start"},
        {"jobId": third.id, "action": "explode"},
    ]
    told = client.post("/jobs/status", json={"updates": updates, "claim": {"batchSize": 5}}).json()
    assert [(item["ok"], (item.get("error") or {}).get("code")) for item in told["results"]] == [
        (True, None),
        (True, None),
        (False, "CONFLICT"),
        (False, "JOB_NOT_FOUND"),
        (False, "VALIDATION_INVALID_PARAMS"),
    ]
    assert (told["applied"], told["rejected"], [job["id"] for job in told["jobs"]]) == (2, 3, [third.id])
    assert client.post("/jobs/status", json={"updates": [updates[0]] * 501}).status_code == 400
    again = client.post("/jobs/status", json={"updates": updates[1:2]}).json()["results"]
    assert [(item["ok"], item["replayed"], item["status"]) for item in again] == [(True, True, "completed")]


def test_a_fault_befalls_what_it_is_for_as_often_as_it_should(site: SiteServer, client: httpx2.Client) -> None:
    other, job = site.enqueue({}), site.enqueue({})
    site.faults = [Fault("claim", "lost", job_id=job.id), Fault("start", "drop", job_id=job.id), Fault("end", 503, job_id=job.id)]
    assert [claimed["id"] for claimed in _claim(client, batchSize=1)] == [other.id]
    with pytest.raises(httpx2.RemoteProtocolError):
        client.post("/jobs/claim", json={"claimId": "c"})
    assert job.status == "claimed"
    assert [claimed["id"] for claimed in _claim(client, claimId="c")] == [job.id]
    with pytest.raises(httpx2.RemoteProtocolError):
        client.put(f"/jobs/{job.id}/status", json={"status": "running"})
    assert job.status == "claimed"
    assert client.post("/jobs/status", json={"updates": [{"jobId": job.id, "action": "complete", "exitCode": 0}]}).status_code == 503
    assert client.put(f"/jobs/{job.id}/status", json={"status": "completed"}).json()["job"]["status"] == "completed"


def test_a_chunked_body_is_refused_never_taken_as_empty(site: SiteServer, client: httpx2.Client) -> None:
    answer = client.post("/jobs/claim", content=iter([b"{}"]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (411, "LENGTH_REQUIRED")
