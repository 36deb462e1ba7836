"""A correct orchestrator, one job at a time, in the standard library. Those beside it override the one method that they get wrong."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from typing import IO, Any

Json = dict[str, Any]
_LONGEST_PAUSE_SECONDS = 2.0


class Refused(Exception):
    """A 4xx: the same again will do no better."""


class Orchestrator:
    """Runs until SIGTERM."""

    def __init__(self) -> None:
        self.url = os.environ["JOBSITE_URL"] + "/api/internal"
        self.clock_offset = timedelta()
        self.stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self.stopping.set())

    def run(self) -> None:
        for job in self.send("GET", "/jobs/orphaned"):
            self.send("POST", f"/jobs/{job['id']}/release", {"message": "restarted"}, job["lease"]["token"])
        while not self.stopping.is_set():
            try:
                answer = self.send("POST", "/jobs/claim", {"batchSize": 1, "wait": 1, "claimId": uuid.uuid4().hex})
                for job in answer["jobs"]:
                    self.carry_out(job)
                if not answer["jobs"]:
                    told = answer["metadata"]
                    pause = datetime.fromisoformat(told["nextPollAfter"]) - datetime.fromisoformat(told["timestamp"])
                    self.stopping.wait(pause.total_seconds())
            except Refused:
                self.stopping.wait(0.2)

    def carry_out(self, job: Json) -> None:
        """Run one job, from its start to the report of its end. What is refused on the way is forgotten."""
        path, lease = f"/jobs/{job['id']}", job["lease"]["token"]
        if self.order_in(self.report("PUT", f"{path}/status", {"status": "running"}, lease), job) == "cancel":
            self.report("POST", f"{path}/complete", {"status": "cancelled"}, lease)
            return
        script = (job["payload"].get("script") or {}).get("content")
        if script is None:
            self.report("POST", f"{path}/fail", {"error": "no script in the payload", "category": "configuration"}, lease)
            return
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(["bash", "-c", script], stdout=stdout, stderr=stderr, start_new_session=True)
            order = self.wait_for(process, job)
            if order is not None:
                os.killpg(process.pid, signal.SIGKILL)
            exit_code = process.wait()
            output = {"output": {"stdout": _text(stdout), "stderr": _text(stderr)}}
        if order == "release":
            self.report("POST", f"{path}/release", {"message": "stopping"}, lease)
        elif order in ("cancel", "timeout"):
            self.report("POST", f"{path}/complete", {"status": {"cancel": "cancelled"}.get(order, order), **output}, lease)
        elif order is None:
            self.report("POST", f"{path}/complete", {"exitCode": exit_code, **output}, lease)

    def wait_for(self, process: "subprocess.Popen[bytes]", job: Json) -> str | None:
        """Wait until a job's work has ended, beating meanwhile. Returns why it must be ended, None if it ended by itself."""
        began = beaten = time.monotonic()
        while process.poll() is None:
            if self.stopping.wait(0.05):
                return "release"
            if time.monotonic() - began > job["timeoutSeconds"]:
                return "timeout"
            if time.monotonic() - beaten > job["lease"]["heartbeatSeconds"]:
                beaten = time.monotonic()
                order = self.order_in(self.send("POST", "/orchestrator/heartbeat", {"runningJobs": [self.named(job)]}), job)
                if order in ("cancel", "abandon"):
                    return order
        return None

    def report(self, method: str, path: str, body: Json, lease: str) -> Json:
        """The answer to a report on a job."""
        answer: Json = self.send(method, path, body, lease)
        return answer

    def named(self, job: Json) -> Json:
        """A running job as a heartbeat names it."""
        return {"jobId": job["id"], "leaseToken": job["lease"]["token"]}

    def order_in(self, answer: Json, job: Json) -> str | None:
        """What an answer tells to do with a job: cancel or abandon, if anything."""
        named = [word for word in ("cancel", "abandon") if job["id"] in answer.get(word, ())]
        return named[0] if named else answer.get("nextAction")

    def send(self, method: str, path: str, body: Json | None = None, lease: str | None = None) -> Any:
        """The answer, which is asked for until there is one.

        Raises:
            Refused: it is a 4xx.
        """
        clock_was_set = False
        for attempt in range(1000):
            sent_at = datetime.now(UTC)
            status, told, retry_after = self.try_once(method, path, self.stamped(body), lease)
            if status == 200:
                return told
            details = told["error"]["details"] if 400 <= status < 500 else {}
            if "serverTime" in details and not clock_was_set:
                # Rather ahead than behind: what is stamped earlier than a claim is taken for a report on an earlier one.
                self.clock_offset, clock_was_set = datetime.fromisoformat(details["serverTime"]) - sent_at, True
                continue
            if 400 <= status < 500 and status != 429:
                raise Refused(told["error"]["message"])
            time.sleep(max(retry_after, min(_LONGEST_PAUSE_SECONDS, 0.2 * 2**attempt)))
        raise AssertionError("a thousand tries")

    def stamped(self, body: Json | None) -> Json | None:
        """A body with the time when it is sent."""
        return None if body is None else body | {"timestamp": (datetime.now(UTC) + self.clock_offset).isoformat()}

    def try_once(self, method: str, path: str, body: Json | None, lease: str | None) -> tuple[int, Any, float]:
        """Status, answer and Retry-After of one try; the status 0 for no answer."""
        headers = {"Authorization": f"Bearer {os.environ['JOBSITE_TOKEN']}", "X-Orchestrator-ID": "small-1"}
        headers |= {"Content-Type": "application/json"} | ({"X-Lease-Token": lease} if lease else {})
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers, method=method)  # noqa: S310 - the kit's own server
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                return 200, json.load(answer), 0.0
        except urllib.error.HTTPError as refusal:
            with refusal:
                told = json.load(refusal) if "json" in refusal.headers.get("Content-Type", "") else {}
                return refusal.code, told, float(refusal.headers.get("Retry-After", 0))
        except (OSError, ValueError):
            return 0, {}, 0.0


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


if __name__ == "__main__":
    Orchestrator().run()
