"""Load for a site under attack: orchestrators that drain a queue while something is killed, and the proof that nothing is lost."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from jobs.models import AuditEntry, Job
from tests.concurrency.fleet import drain
from tests.concurrency.history import Sent, contradictions
from tests.ledger import assert_sound

IDENTITIES = ("orch-1", "orch-2", "orch-3")
_EACH = 2
_MOST_SECONDS_WITHOUT_REPORT = 60.0


@dataclass
class Load:
    """
    Attributes:
        acknowledged: how many reports were so far.
        sent: all that the orchestrators sent, once they have ended.
        disturbances: how many of their tries were answered 503 or not at all.
    """

    acknowledged: int = 0
    sent: list[Sent] = field(default_factory=list)
    disturbances: int = 0
    ended: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def count(self) -> None:
        with self._changed:
            self.acknowledged += 1
            self._changed.notify_all()

    def wait_for(self, acknowledged: int) -> bool:
        """Waits until so many reports were acknowledged; False when the orchestrators have ended before."""
        with self._changed:
            came = self._changed.wait_for(lambda: self.ended or self.acknowledged >= acknowledged, _MOST_SECONDS_WITHOUT_REPORT)
            assert came, f"{self.acknowledged} reports, and no more came"
            return not self.ended

    def end(self) -> None:
        with self._changed:
            self.ended = True
            self._changed.notify_all()


def drain_under(attack: Callable[[Load], None], url: str) -> Load:
    """Lets six orchestrators drain the queue while `attack` runs beside them.

    Args:
        attack: called in this thread; paces itself by `Load.wait_for`, so that every blow falls on a site at work.
    """
    load = Load()

    def orchestrate(name: str) -> None:
        sent, disturbances = drain(url, name, batch_size=5, on_accepted=load.count)
        load.sent.extend(sent)
        load.disturbances += disturbances

    with ThreadPoolExecutor(len(IDENTITIES) * _EACH) as threads:
        at_work = [threads.submit(orchestrate, name) for name in IDENTITIES for _ in range(_EACH)]
        for orchestrator in at_work:
            orchestrator.add_done_callback(lambda _: load.end() if all(each.done() for each in at_work) else None)
        # Not in a thread of its own: a database that it restarts would die with that.
        attack(load)
        for orchestrator in at_work:
            orchestrator.result()
    return load


def assert_nothing_lost(load: Load, ids: Sequence[str]) -> None:
    """Every acknowledged report stands in the audit log under its request id, and every job came to its end exactly once."""
    logged = set(AuditEntry.objects.values_list("request_id", "job_id", "action"))
    assert [each for each in load.sent if (each.request_id, each.job_id, each.verb) not in logged] == []
    assert contradictions(load.sent, AuditEntry.objects.all()) == []
    assert Counter(each.job_id for each in load.sent if each.verb == "complete") == Counter(ids)
    assert set(Job.objects.filter(status="completed", epoch=1).values_list("id", flat=True)) == set(ids)
    for job_id in ids:
        assert_sound(job_id)


def wait_until(happened: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Looks twenty times a second.

    Raises:
        AssertionError: it has not happened in this time.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
