"""`python -m tests.chaos.deaf URL ID`: an orchestrator that runs one job, beats for it, and hears nothing that it is told."""

import sys
import time

from tests.concurrency.caller import Caller

HOST = "deaf.example"


def main(url: str, orchestrator_id: str) -> None:
    with Caller(url, orchestrator_id) as caller:
        (job,) = caller.insist("POST", "/jobs/claim", {"batchSize": 1, "wait": 20}).content["jobs"]
        caller.insist("PUT", f"/jobs/{job['id']}/status", {"status": "running"})
        while True:
            caller.insist("POST", "/orchestrator/heartbeat", {"runningJobs": [job["id"]], "hostname": HOST})
            time.sleep(0.3)


if __name__ == "__main__":
    main(*sys.argv[1:])
