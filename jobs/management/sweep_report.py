"""What a sweep did, for people and for machines."""

import json

from jobs.sweeps import Sweep
from jobs.times import written
from jobs.watch import Brake

DRY_RUN = "dry run"


def as_json(done: Sweep, *, dry_run: bool) -> str:
    """One object in one line."""
    told = {
        "dryRun": dry_run,
        "swept": [{"jobId": one.job_id, "from": one.was, "to": one.became, "rule": one.rule, "reason": one.reason} for one in done.swept],
        "alerts": [
            {"rule": alert.rule, "subject": alert.subject, "jobs": alert.jobs, "since": written(alert.since), "message": alert.message}
            for alert in done.alerts
        ],
        "cameDue": done.came_due,
        "brake": None,
        "seconds": round(done.seconds, 3),
    }
    if brake := done.brake:
        told["brake"] = {"reason": brake.reason, "since": written(brake.since), "until": written(brake.until), "kept": brake.kept}
    return json.dumps(told)


def as_text(done: Sweep, *, dry_run: bool) -> str:
    """A line a job, and what it comes to; between two that say so, of a dry run."""
    lines = [f"{one.job_id}  {one.was} -> {one.became}  {one.rule}: {one.reason}" for one in done.swept]
    lines += [f"{alert.rule}: {alert.message}." for alert in done.alerts]
    if done.brake:
        lines.append(_braked(done.brake))
    lines.append(f"{len(done.swept)} swept, {done.came_due} came due, {done.seconds:.2f} s")
    mark = [DRY_RUN] if dry_run else []
    return "\n".join([*mark, *lines, *mark])


def _braked(brake: Brake) -> str:
    until = f"until {written(brake.until)}" if brake.until else "until it is back, and a lease period"
    return f"The brake holds since {written(brake.since)}, {until}: {brake.reason}. Running leases that ran out and are kept: {brake.kept}"
