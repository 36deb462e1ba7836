"""What a holder says of its job: judged in the contract's order, believed or refused."""

from datetime import datetime
from typing import Any

from orchestrator.conformance.site.clock import written
from orchestrator.conformance.site.errors import Refusal
from orchestrator.conformance.site.jobs import ADDED_LATER, FORGED, Job
from orchestrator.conformance.site.requests import OPERATIONS, Json, Report
from orchestrator.conformance.site.site import Site


def check_fields(report: Report) -> None:
    """
    Raises:
        Refusal: something is missing, or is a word that the contract does not have.
    """
    told, operation = report.told, report.operation
    if operation not in OPERATIONS:
        raise _invalid("action", "must be start, complete, fail, cancel, release or progress")
    if operation == "status" and not report.body.get("status"):
        raise _missing("status")
    if operation == "complete" and not any(told.get(name) is not None for name in ("status", "exitCode", "error", "output")):
        raise _missing("status, exitCode, error or output")
    if operation == "fail" and not told.get("error"):
        raise _missing("error")
    if operation == "logs" and not isinstance(report.body.get("entries"), list):
        raise _missing("entries")
    if operation == "renew" and not report.body.get("renewalToken"):
        raise _missing("renewalToken")
    if operation == "status" and report.meaning == "unknown" and report.body["status"] not in ("queued", "claimed"):
        raise _invalid("status", "must be running, acknowledged, preparing, completed, failed, cancelled or timeout")
    code = told.get("exitCode")
    if code is not None and (isinstance(code, bool) or not isinstance(code, int)):
        raise _invalid("exitCode", "must be a whole number")


def receive(site: Site, report: Report, *, by: str, stated_at: datetime | None) -> Json:
    """Believe a report, and answer it.

    Args:
        by: the orchestrator that sends it.
        stated_at: when it says it did.

    Raises:
        Refusal: the first of the contract's checks that bites.
    """
    with site.changed:
        job = site.find(report.job_id)
        epoch = site.tokens.epoch_of(report.lease_token, job_id=job.id, orchestrator_id=by) if report.lease_token else None
        if epoch == FORGED:
            raise Refusal("LEASE_LOST", "The lease token is of no claim of this job by you.", status=job.status)
        if report.operation == "logs":
            return _append(site, job, report, by=by, epoch=epoch, stated_at=stated_at)
        if _is_replay(job, report, epoch, by):
            return _answer(site, job) | {"replayed": True}
        _check_holder(site, job, epoch=epoch, by=by, stated_at=stated_at)
        expected = report.body.get("expectedUpdatedAt")
        if expected is not None and expected != written(job.updated_at):
            raise Refusal("CONFLICT", "The job has changed.", status=job.status, updatedAt=written(job.updated_at))
        return _believe(site, job, report)


def _is_replay(job: Job, report: Report, epoch: int | None, by: str) -> bool:
    spoken_of = [epoch] if epoch is not None else [number for number, name in job.holders.items() if name == by]
    ended_by = [job.verdicts[number] for number in spoken_of if number in job.verdicts]
    return any((each.operation, each.body) == (report.operation, report.body) for each in ended_by)


def _check_holder(site: Site, job: Job, *, epoch: int | None, by: str, stated_at: datetime | None) -> None:
    gone = not job.is_held_by(by) or epoch not in (None, job.epoch)
    if epoch is None and stated_at and job.claimed_at and stated_at < _as_exact_as(stated_at, job.claimed_at):
        gone = True
    if gone:
        last = epoch if epoch is not None else max((number for number, name in job.holders.items() if name == by), default=None)
        if last in job.verdicts and job.verdicts[last].meaning == "end":
            raise Refusal("ALREADY_FINISHED", f"This attempt ended {job.status}.", status=job.status, outcome=_outcome(job))
        if epoch is None:
            raise Refusal("NOT_JOB_OWNER", "The job is not yours.")
        raise Refusal("LEASE_LOST", "The job was lost to a later claim, or ended.", status=job.status)
    if job.lease_expires_at and job.lease_expires_at <= site.clock.now():
        raise Refusal("LEASE_EXPIRED", "The lease has run out.", status=job.status)


def _believe(site: Site, job: Job, report: Report) -> Json:
    meaning = report.meaning
    if meaning == "unknown":
        raise Refusal("INVALID_TRANSITION", "No report leads there.", status=job.status, requested=report.body.get("status"), allowed=[])
    job.accepted.append(report)
    told: Json = {}
    if meaning == "acknowledge":
        told = {"replayed": True} if job.acknowledged_at or job.status == "running" else {}
        _acknowledge(site, job)
    elif meaning == "start":
        told = {"replayed": True} if job.status == "running" else {}
        if not told:
            site.start(job)
    elif meaning == "end":
        _end(site, job, report)
    elif meaning == "release":
        job.verdicts[job.epoch] = report
        if job.cancel_requested_at:
            site.finish(job, "cancelled")
        else:
            site.give_back(job)
    elif meaning == "renew":
        site.keep(job, float(report.body.get("extensionSeconds") or site.lengths.heartbeat))
    if meaning in ("acknowledge", "renew"):
        lease = site.lease_of(job)
        told["lease"] = lease | {"renewalToken": lease["token"]}
    answer = _answer(site, job) | told
    if meaning == "renew":
        del answer["job"]
    return answer


def _acknowledge(site: Site, job: Job) -> None:
    if job.status == "claimed" and job.acknowledged_at is None:
        job.acknowledged_at = site.clock.now()
        if site.clock.until(job.lease_expires_at or job.acknowledged_at) < site.lengths.acknowledged:
            site.keep(job, site.lengths.acknowledged)
    site.touch(job)


def _end(site: Site, job: Job, report: Report) -> None:
    job.verdicts[job.epoch] = report
    job.ending = {key: report.told[key] for key in ("output", "exitCode", "error", "category", "metrics") if key in report.told}
    status, timed_out = report.verdict
    if timed_out:
        job.ending["category"] = "timeout"
    site.finish(job, "failed" if status == "cancelled" and not job.cancel_requested_at else status)


def _append(site: Site, job: Job, report: Report, *, by: str, epoch: int | None, stated_at: datetime | None) -> Json:
    mine = epoch if epoch is not None else max((number for number, name in job.holders.items() if name == by), default=None)
    holds = job.is_held_by(by) and mine == job.epoch
    ended = None if mine is None else job.ended.get(mine)
    if mine is None or (ended and -site.clock.until(ended) > site.lengths.logs_after_end):
        _check_holder(site, job, epoch=epoch, by=by, stated_at=stated_at)
    stored = job.lines.setdefault(mine or 0, {})
    before = len(stored)
    entries: list[Json] = report.body["entries"]
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("sequence"), int):
            raise _invalid("entries", "each must have a whole number as its sequence")
        stored.setdefault(entry["sequence"], entry)
    site.changed.notify_all()
    new = len(stored) - before
    return {
        "success": True,
        "stored": new,
        "duplicates": len(entries) - new,
        "nextSequence": max(stored, default=-1) + 1,
        "nextAction": job.next_action if holds else "abandon",
        **ADDED_LATER,
    }


def _answer(site: Site, job: Job) -> Json:
    return {"success": True, "job": job.told(), "timestamp": written(site.clock.now()), "nextAction": job.next_action, **ADDED_LATER}


def _as_exact_as(stated_at: datetime, moment: datetime) -> datetime:
    # Some clocks tell only whole seconds.
    return moment if stated_at.microsecond else moment.replace(microsecond=0)


def _outcome(job: Job) -> dict[str, Any]:
    return {
        "status": job.status,
        "exitCode": job.ending.get("exitCode"),
        "error": job.ending.get("error"),
        "attempts": job.attempts,
        "completedAt": written(job.completed_at),
    }


def _missing(name: str) -> Refusal:
    return Refusal("VALIDATION_MISSING_FIELD", f"Missing: {name}.", fields={name: ["This field is required."]})


def _invalid(name: str, words: str) -> Refusal:
    return Refusal("VALIDATION_INVALID_PARAMS", f"{name}: {words}", fields={name: [words]})
