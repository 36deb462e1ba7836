"""manage.py prune_jobs"""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import retention
from jobs.management.operator import operator
from jobs.management.options import count, span
from jobs.retention import Outlived, Periods, Pruned
from jobs.times import written

DRY_RUN = "dry run"


class Command(BaseCommand):
    help = (
        "Deletes jobs that ended long ago, and the logs of those that ended some time ago. What is queued, claimed or running is never "
        "touched. The audit log stays: the history of a deleted job can still be read. Any number may run at once. Exit code 0 when done, "
        "also when nothing was old enough."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        periods = Periods.of_settings()
        for name, whose in (
            ("completed", "completed and cancelled jobs"),
            ("failed", "failed jobs"),
            ("logs", "the log lines of jobs"),
        ):
            default = getattr(periods, name)
            parser.add_argument(
                f"--{name}",
                type=kept_for,
                default=default,
                metavar="TIME",
                help=f"how long {whose} are kept from the end of the job: such as 30d, 12h, 45m or 90s, or never to keep them for ever "
                f"(default: {_said(default)}, JOBSITE_KEEP_{name.upper()})",
            )
        parser.add_argument(
            "--limit", type=count, metavar="N", help="delete the spent logs of at most N jobs, and at most N jobs with what they wrote"
        )
        parser.add_argument(
            "--batch-size", type=count, default=retention.BATCH, metavar="N", help="jobs in one transaction (default: %(default)s)"
        )
        parser.add_argument("--dry-run", action="store_true", help="tell what would be deleted, delete nothing")
        parser.add_argument(
            "--format", choices=("text", "json"), default="text", help="json: an object a job, one a line, then one of the whole run"
        )

    def handle(self, **options: Any) -> None:
        periods = Periods(completed=options["completed"], failed=options["failed"], logs=options["logs"])
        asked = {name: options[name] for name in ("limit", "batch_size")}
        as_json, dry_run = options["format"] == "json", options["dry_run"]

        def tell(job: Outlived) -> None:
            self.stdout.write(_job_as_json(job) if as_json else f"{job.job_id}  {job.status} {written(job.ended_at)}")

        if dry_run and not as_json:
            self.stdout.write(DRY_RUN)
        done = retention.preview(periods, **asked, told=tell) if dry_run else retention.prune(periods, **asked, by=operator(), told=tell)
        self.stdout.write(_as_json(done, dry_run) if as_json else _as_text(done))
        if dry_run and not as_json:
            self.stdout.write(DRY_RUN)


def kept_for(word: str) -> timedelta | None:
    """A span, or never."""
    return None if word == "never" else span(word)


def _said(period: timedelta | None) -> str:
    if period is None:
        return "never"
    seconds = int(period.total_seconds())
    size, unit = next((size, unit) for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")) if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _job_as_json(job: Outlived) -> str:
    return json.dumps({"jobId": job.job_id, "status": job.status, "endedAt": written(job.ended_at)})


def _as_json(done: Pruned, dry_run: bool) -> str:
    return json.dumps({"dryRun": dry_run, "jobs": dict(done.jobs), "logsOf": done.logs_of, "logLines": done.log_lines})


def _as_text(done: Pruned) -> str:
    jobs = ", ".join(f"{count} {status}" for status, count in done.jobs.items())
    return f"{done.jobs.total()} jobs" + (f" ({jobs})" if jobs else "") + f", {done.log_lines} log lines of {done.logs_of} jobs"
