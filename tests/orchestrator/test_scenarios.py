"""A scenario of the conformance kit shows what it is about to whoever speaks, however fast or slow that one is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from orchestrator.conformance.rules.claims import handed_twice
from orchestrator.conformance.site.server import SiteServer
from orchestrator.conformance.stage import Stage


def test_a_job_that_ends_in_the_moment_of_its_first_report_is_handed_out_again_all_the_same() -> None:
    with SiteServer(token=None) as site, _claiming_and_completing(site):
        stage = Stage(site)
        handed_twice.play(stage)

        job = stage.cast["handed-twice"]
        handed = [each["lease"]["token"] for exchange in site.exchanges for each in exchange.handed if each["id"] == job.id]
        assert len(handed) == 3
        assert len(set(handed)) == 1
        assert job.status == "completed"


@contextmanager
def _claiming_and_completing(site: SiteServer) -> Iterator[None]:
    """An orchestrator whose jobs take no time: it tells the end of each as soon as it has it, and never a start."""
    stopping = threading.Event()

    def work() -> None:
        headers = {"Authorization": "Bearer anything", "X-Orchestrator-ID": "o-1"}
        with httpx2.Client(base_url=f"{site.url}/api/internal", headers=headers, trust_env=False) as client:
            while not stopping.is_set():
                for job in client.post("/jobs/claim", json={"wait": 1}).json()["jobs"]:
                    client.post(f"/jobs/{job['id']}/complete", json={"exitCode": 0}, headers={"X-Lease-Token": job["lease"]["token"]})

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        stopping.set()
        worker.join()
