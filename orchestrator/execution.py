"""One claimed job, from its acknowledgement to its report."""

import logging
import threading
import time
from collections.abc import Callable

from orchestrator.client import Client, Json, Refused, Unavailable
from orchestrator.logs import LogShipper
from orchestrator.output import Progress
from orchestrator.runner import Run, StartFailed, Stop
from orchestrator.scratch import Scratch, User
from orchestrator.script import PayloadRefused, Script, read_script
from orchestrator.spool import Spool
from orchestrator.verdict import Verdict, judge, own_fault

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT_SECONDS = 3600
CLAIM_RETRY_SECONDS = 50.0  # An unacknowledged claim lasts 60 s.
START_RETRY_SECONDS = 240.0  # An acknowledged one 300 s.
LEASE_MARGIN_SECONDS = 120.0  # Nothing keeps a lease longer than this past the job's timeout.
LEAST_REPORT_RETRY_SECONDS = 600.0
RELEASE_RETRY_SECONDS = 3.0
LOGS_BEFORE_REPORT_SECONDS = 2.0
LOGS_AFTER_REPORT_SECONDS = 280.0  # The server takes them until 300 s after the end.


class Execution(threading.Thread):
    """A thread that runs one job. `on_progress` and `on_end` are called from it."""

    def __init__(
        self,
        job: Json,
        *,
        client: Client,
        scratch: Scratch,
        user: User | None,
        on_progress: Callable[[], None],
        on_end: Callable[["Execution"], None],
    ) -> None:
        """Args: `job` as a claim gives it, with its lease."""
        super().__init__(name=str(job["id"]), daemon=True)
        self.job_id: str = job["id"]
        self.lease_token: str = job["lease"]["token"]
        self.progress: Progress | None = None
        self.reported = False
        self._job = job
        self._timeout_seconds: float = job.get("timeoutSeconds") or DEFAULT_TIMEOUT_SECONDS
        self._client = client
        self._scratch = scratch
        self._user = user
        self._on_progress = on_progress
        self._on_end = on_end
        self._lock = threading.RLock()  # kill() may interrupt stop(), in a signal handler
        self._stop_asked: Stop | None = None
        self._run: Run | None = None
        self._ended = False
        self._shipper: LogShipper | None = None

    def stop(self, reason: Stop) -> None:
        """Have the job ended, now or as soon as it would begin. Returns at once. Thread-safe."""
        with self._lock:
            if self._stop_asked is None or reason.value > self._stop_asked.value:
                self._stop_asked = reason
            if self._run is not None:
                self._run.stop(reason)
            # A run that has ended is only being reported. "abandon" may then be the echo of a report whose answer is still on its way, and
            # its last lines are welcome all the same; but a drain that is over waits for nobody.
            if self._shipper is not None and reason is (Stop.RELEASE if self._ended else Stop.ABANDON):
                self._shipper.stop()

    @property
    def abandoned(self) -> bool:
        """Whether the job is ours no more."""
        return self._stop_asked is Stop.ABANDON

    def kill(self) -> None:
        """Kill the script at once, whatever becomes of the job."""
        with self._lock:
            if self._run is not None:
                self._run.kill()

    def run(self) -> None:
        try:
            self._carry_out()
        except Refused as refusal:
            log.warning("%s: dropped, the server refuses it: %s", self.job_id, refusal)
        except Unavailable as problem:
            log.warning("%s: dropped, the server can't be reached: %s", self.job_id, problem)
        except Exception as problem:
            log.exception("%s: the orchestrator failed", self.job_id)
            self._deliver(own_fault(f"the orchestrator failed: {type(problem).__name__}: {problem}", category="system"))
        finally:
            self._on_end(self)

    def _carry_out(self) -> None:
        self._obey(self._client.acknowledge(self.job_id, lease_token=self.lease_token, retry_seconds=CLAIM_RETRY_SECONDS))
        try:
            script = read_script(self._job.get("payload"))
        except PayloadRefused as problem:
            self._deliver(own_fault(str(problem), category="configuration"))
            return
        if self._stop_asked is None:
            self._obey(self._client.start(self.job_id, lease_token=self.lease_token, retry_seconds=START_RETRY_SECONDS))
        if self._stop_asked is not None:
            self._deliver_unstarted(self._stop_asked)
            return
        log.info("%s: started (%s)", self.job_id, self._job.get("type"))
        try:
            self._run_script(script)
        except StartFailed as problem:
            self._deliver(own_fault(str(problem), category=problem.category))
        except OSError as problem:
            self._deliver(own_fault(f"can't make a scratch folder: {problem}", category="system"))

    def _run_script(self, script: Script) -> None:
        spool = Spool(self._scratch.spool_folder)
        try:
            folder = self._scratch.make_folder(self.job_id, script)
        except OSError:
            spool.close()
            raise
        shipper = LogShipper(client=self._client, job_id=self.job_id, lease_token=self.lease_token, spool=spool, on_answer=self._obey)
        try:
            run = Run(
                script,
                job_id=self.job_id,
                attempt=int(self._job.get("attempts") or 0) + 1,
                folder=folder,
                user=self._user,
                spool=spool,
                on_progress=self._note_progress,
            )
            shipper.start()
            with self._lock:
                self._run, self._shipper = run, shipper
                if self._stop_asked is not None:
                    run.stop(self._stop_asked)
            ending = run.wait(timeout_seconds=self._timeout_seconds)
            self._ended = True
            if ending.stop is Stop.ABANDON:
                log.info("%s: abandoned", self.job_id)
                return
            shipper.join(LOGS_BEFORE_REPORT_SECONDS)
            if ending.stop is Stop.RELEASE:
                self._release()
                return
            self._deliver(judge(ending, run.output, timeout_seconds=self._timeout_seconds))
            shipper.join(LOGS_AFTER_REPORT_SECONDS)
        finally:
            shipper.stop()
            self._scratch.remove_folder(folder.path)

    def _note_progress(self, progress: Progress) -> None:
        self.progress = progress
        self._on_progress()

    def _obey(self, answer: Json) -> None:
        action = answer.get("nextAction")
        if action == "cancel":
            self.stop(Stop.CANCEL)
        elif action == "abandon":
            self.stop(Stop.ABANDON)

    def _deliver_unstarted(self, reason: Stop) -> None:
        if reason is Stop.CANCEL:
            self._deliver(Verdict(True, {"status": "cancelled"}, "cancelled before it began"))
        elif reason is Stop.RELEASE:
            self._release()
        else:
            log.info("%s: abandoned before it began", self.job_id)

    def _release(self) -> None:
        message = "the orchestrator is shutting down"
        self._client.release(self.job_id, message=message, lease_token=self.lease_token, retry_seconds=RELEASE_RETRY_SECONDS)
        log.info("%s: released", self.job_id)

    def _deliver(self, verdict: Verdict) -> None:
        """Report until the server has it: beyond the lease's certain end its refusal is only a matter of form."""
        patience = max(LEAST_REPORT_RETRY_SECONDS, self._timeout_seconds + LEASE_MARGIN_SECONDS)
        send = self._client.complete if verdict.completes else self._client.fail
        begun = time.monotonic()
        try:
            answer = send(self.job_id, verdict.report, lease_token=self.lease_token, retry_seconds=patience)
        except Refused as refusal:
            log.warning("%s: %s, but the report was refused: %s", self.job_id, verdict.words, refusal)
        except Unavailable as problem:
            seconds = time.monotonic() - begun
            log.error("%s: %s, but the report could not be delivered in %.0f s: %s", self.job_id, verdict.words, seconds, problem)
        else:
            self.reported = True
            log.info("%s: %s%s", self.job_id, verdict.words, ", will be retried" if answer.get("nextAction") == "retry" else "")
