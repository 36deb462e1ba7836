"""The lives of seeded jobs, each a row of its own and all of its audit entries, as the door would have written them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from jobs.demo.catalogue import KINDS, ORCHESTRATORS, PRODUCERS, SILENT, TIMED_OUT, Fault, Kind
from jobs.ids import PREFIX, base32
from jobs.lifecycle import ActorKind, Status
from jobs.outcomes import Outcome, Report, judge

Row = dict[str, Any]
# Texts that differ come in so many variants; what is reckoned of each is reckoned once.
_VARIANTS = 16
_MOST_HELD = 300
# Among the newest jobs some wait, whatever happens to the others.
_WAITING = {"queued": 45, "scheduled": 6, "retry_wait": 6, "withdrawn": 3, "held": 12, "run": 28}


@dataclass
class Life:
    """One job: the columns of its row that aren't as in every job, its entries, its attempts and what it wrote."""

    job: Row
    entries: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)


class Lives:
    """Makes lives, the oldest first; the same ones for the same seed and time.

    Args:
        count: how many.
        now: when the last of them has just been made.
        over: how long ago the first was made.
        seed: of all chance.
    """

    def __init__(self, *, count: int, now: datetime, over: timedelta, seed: int) -> None:
        self._count, self._now, self._over = count, now, over
        self._random = Random(seed)  # noqa: S311 - nothing of it is a secret
        self._backlog = min(max(count // 20, 6), 30_000)
        self._held = 0
        self._reports: dict[tuple[str, int], tuple[Outcome, str, str]] = {}
        self._incident = (now - timedelta(hours=21), now - timedelta(hours=19))

    def __iter__(self) -> Iterator[Life]:
        shares = [kind.share for kind in KINDS]
        fates, weights = list(_WAITING), list(_WAITING.values())
        before = self._now - self._over
        for nth in range(self._count):
            # Ever denser, as business grows.
            left = 1 - (nth + self._random.random()) / self._count
            at = max(before, self._now - self._over * left**1.6)
            before = at
            (kind,) = self._random.choices(KINDS, shares)
            recent = nth >= self._count - self._backlog
            yield self._life(nth, kind, at, self._random.choices(fates, weights)[0] if recent else "run")

    def _life(self, nth: int, kind: Kind, at: datetime, fate: str) -> Life:
        chance = self._random
        number = chance.randrange(_VARIANTS)
        producer = PRODUCERS[nth % len(PRODUCERS)]
        job: Row = {
            "id": PREFIX + base32(int(at.timestamp() * 1000) << 80 | chance.getrandbits(79)),
            "type": kind.name,
            "payload": _payload(kind, number),
            "priority": chance.choice((50, 50, 50, 25, 75, 90)),
            "created_by": producer,
            "max_attempts": kind.max_attempts,
            "timeout_seconds": kind.timeout_seconds,
            "created_at": at,
            "scheduled_for": at + timedelta(hours=chance.uniform(1, 48)) if fate == "scheduled" else at,
        }
        life = Life(job)
        made = {"detail": json.dumps({"scheduledFor": _written(job["scheduled_for"])})} if fate == "scheduled" else {}
        _enter(life, "enqueue", Status.QUEUED, at, ActorKind.PRODUCER, producer, epoch=0, attempt=1, **made)
        if fate == "withdrawn":
            end = at + (self._now - at) * chance.random()
            _enter(life, "cancel", Status.CANCELLED, end, ActorKind.USER, "anna", epoch=0, attempt=1, reason="no longer needed")
            job["completed_at"] = end
        elif fate == "held":
            self._hold(life, kind)
        elif fate in ("run", "retry_wait"):
            self._run(life, kind, number, waits=fate == "retry_wait")
        _settle(life, self._now)
        return life

    def _run(self, life: Life, kind: Kind, number: int, *, waits: bool) -> None:
        chance, job = self._random, life.job
        free_at = job["created_at"]
        attempt = 0
        while True:
            attempt += 1
            who = self._orchestrator()
            claimed_at = free_at + timedelta(seconds=chance.lognormvariate(1.2, 1.0))
            started_at = claimed_at + timedelta(seconds=chance.uniform(0.05, 1.5))
            fault = self._fault(kind, claimed_at, surely=waits and attempt == 1)
            seconds = kind.seconds * chance.lognormvariate(0, 0.5)
            ended_at = started_at + timedelta(seconds=fault.seconds if fault and fault.seconds else seconds)
            if waits:
                # It has failed just now.
                ended_at = self._now - timedelta(seconds=chance.uniform(1, 100))
                started_at, claimed_at = ended_at - timedelta(seconds=1.5), ended_at - timedelta(seconds=2)
                if claimed_at <= free_at:
                    return
            if ended_at >= self._now:
                return
            job.update(orchestrator_id=who, claimed_at=claimed_at, epoch=attempt)
            _enter(life, "claim", Status.CLAIMED, claimed_at, ActorKind.ORCHESTRATOR, who, epoch=attempt, attempt=attempt)
            job["started_at"] = started_at
            _enter(life, "start", Status.RUNNING, started_at, ActorKind.ORCHESTRATOR, who, epoch=attempt, attempt=attempt)
            by: Row = {"epoch": attempt, "attempt": attempt}
            if fault is None and chance.random() < 0.012:
                asked_at = started_at + (ended_at - started_at) * 0.7
                _enter(life, "cancel_request", Status.RUNNING, asked_at, ActorKind.USER, "ben", reason="started by mistake", **by)
                _enter(life, "cancel", Status.CANCELLED, ended_at, ActorKind.ORCHESTRATOR, who, **by)
                job.update(cancel_requested_at=asked_at, completed_at=ended_at)
                return
            outcome, result, detail = self._outcome(kind, fault, number)
            job.update(_columns(outcome, result), completed_at=ended_at)
            if fault is None:
                _enter(life, "complete", Status.COMPLETED, ended_at, ActorKind.ORCHESTRATOR, who, detail=detail, **by)
                return
            job["attempts"] = attempt
            _enter(life, "fail", Status.FAILED, ended_at, ActorKind.ORCHESTRATOR, who, detail=detail, **by)
            self._write(life, ended_at)
            if attempt == kind.max_attempts:
                return
            delay = chance.uniform(5, 60) if not waits else chance.uniform(120, 600)
            again = json.dumps({"delaySeconds": round(delay, 3)})
            _enter(
                life, "retry", Status.QUEUED, ended_at, ActorKind.SYSTEM, "retry policy", epoch=attempt, attempt=attempt + 1, detail=again
            )
            life.attempts.append(_attempt(job, attempt))
            job.update(orchestrator_id=None, claimed_at=None, started_at=None, completed_at=None)
            free_at = job["scheduled_for"] = ended_at + timedelta(seconds=delay)
            if waits or free_at >= self._now:
                return

    def _hold(self, life: Life, kind: Kind) -> None:
        """It is held now; of a few the lease has run out. It waits while as many others are held as can be."""
        chance, job = self._random, life.job
        claimed_at = max(job["created_at"], self._now - timedelta(seconds=kind.seconds * chance.random()))
        if self._held >= _MOST_HELD or claimed_at >= self._now:
            return
        self._held += 1
        who = self._orchestrator()
        minutes = -chance.uniform(3, 25) if self._held % 40 == 7 else chance.uniform(5, 60)
        job.update(orchestrator_id=who, claimed_at=claimed_at, epoch=1, lease_expires_at=self._now + timedelta(minutes=minutes))
        _enter(life, "claim", Status.CLAIMED, claimed_at, ActorKind.ORCHESTRATOR, who, epoch=1, attempt=1)
        started_at = claimed_at + timedelta(seconds=chance.uniform(0.05, 1.5))
        if started_at < self._now and self._held % 9 != 4:
            _enter(life, "start", Status.RUNNING, started_at, ActorKind.ORCHESTRATOR, who, epoch=1, attempt=1)
            done = chance.randrange(100)
            job.update(started_at=started_at, phase=f"{done} of 100", progress=json.dumps({"percent": done}), progress_at=self._now)
            self._write(life, self._now)

    def _orchestrator(self) -> str:
        chance = self._random
        return SILENT[0] if chance.random() < 0.05 else ORCHESTRATORS[chance.randrange(len(ORCHESTRATORS) - len(SILENT))]

    def _fault(self, kind: Kind, at: datetime, *, surely: bool) -> Fault | None:
        chance = self._random
        first, last = self._incident
        # Yesterday a renderer was away.
        if kind is KINDS[0] and first <= at < last and chance.random() < 0.9:
            return TIMED_OUT
        if not surely and chance.random() >= kind.failing:
            return None
        return chance.choices(kind.faults, [fault.share for fault in kind.faults])[0]

    def _outcome(self, kind: Kind, fault: Fault | None, number: int) -> tuple[Outcome, str, str]:
        """What becomes of a run, its result and the detail of its entry: judged as a report is, once for each variant."""
        key = (kind.name if fault is None else fault.words, number)
        if key not in self._reports:
            report = fault.report(number) if fault else Report(exit_code=0, output={"stdout": f"{number} items done\n"})
            outcome = judge(report)
            self._reports[key] = outcome, json.dumps(outcome.result), json.dumps(outcome.detail)
        return self._reports[key]

    def _write(self, life: Life, until: datetime) -> None:
        """Some write what they do."""
        if self._random.random() > 0.1:
            return
        job, began = life.job, life.job["started_at"]
        count = self._random.randrange(8, 60)
        for nth in range(count):
            stream = "stderr" if nth % 9 == 8 else "stdout"
            line = f"warning: item {nth} took {nth * 7 % 23} ms" if stream == "stderr" else f"item {nth} of {count} done"
            at = began + (until - began) * (nth / count)
            life.lines.append({"job_id": job["id"], "epoch": job["epoch"], "sequence": nth, "stream": stream, "line": line, "at": at})


def _enter(
    life: Life,
    action: str,
    to: Status,
    at: datetime,
    kind: ActorKind,
    actor: str,
    *,
    epoch: int,
    attempt: int,
    reason: str | None = None,
    detail: str | None = None,
) -> None:
    entries = life.entries
    entries.append(
        {
            "job_id": life.job["id"],
            "sequence": len(entries),
            "action": action,
            "from_status": entries[-1]["to_status"] if entries else None,
            "to_status": to.value,
            "actor_kind": kind.value,
            "actor": actor,
            "epoch": attempt,
            "attempt": attempt,
            "reason": reason,
            "at": at,
            "detail": detail,
        }
    )


def _settle(life: Life, now: datetime) -> None:
    job, last = life.job, life.entries[-1]
    status = last["to_status"]
    job.update(status=status, updated_at=last["at"], audit_seq=last["sequence"])
    job["due"] = status == Status.QUEUED and job["scheduled_for"] <= now


def _columns(outcome: Outcome, result: str) -> Row:
    return {
        "result": result,
        "exit_code": outcome.exit_code,
        "last_error": outcome.error,
        "error_category": outcome.category,
        # The door makes the fingerprint of it, and so does the seed.
        "fault": outcome.fault,
    }


def _attempt(job: Row, number: int) -> Row:
    same = ("epoch", "orchestrator_id", "claimed_at", "started_at", "completed_at", "exit_code", "last_error", "error_category", "result")
    told = {name: job[name] for name in same}
    return {"job_id": job["id"], "number": number, "status": Status.FAILED.value, "type": job["type"], "fault": job["fault"], **told}


def _payload(kind: Kind, number: int) -> str:
    key = (kind.name, number)
    if key not in _payloads:
        _payloads[key] = json.dumps(kind.payload).replace("{n}", str(1000 + number * 37))
    return _payloads[key]


_payloads: dict[tuple[str, int], str] = {}


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
