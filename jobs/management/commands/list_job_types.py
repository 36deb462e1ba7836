"""manage.py list_job_types"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import job_types
from jobs.job_types import Standing
from jobs.times import written


class Command(BaseCommand):
    help = "Lists the types of jobs: whether they are paused, how many are held of those with a limit, and how failures are tried again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text", help="json: one list; null is as for every type")

    def handle(self, **options: Any) -> None:
        standings = job_types.standings()
        if options["format"] == "json":
            self.stdout.write(json.dumps([_told(standing) for standing in standings]))
            return
        for standing in standings:
            own = ", ".join(standing.own_words) or "as every type"
            pause = standing.pause
            paused = f"  paused by {pause.paused_by} since {written(pause.at)}: {pause.reason}" if pause else ""
            self.stdout.write(f"{standing.job_type.name}  {own}{paused}")


def _told(standing: Standing) -> dict[str, Any]:
    job_type, pause = standing.job_type, standing.pause
    return {
        "name": job_type.name,
        "maxAttempts": job_type.max_attempts,
        "timeoutSeconds": job_type.timeout_seconds,
        "backoffBaseSeconds": job_type.backoff_base_seconds,
        "backoffCapSeconds": job_type.backoff_cap_seconds,
        "retryableCategories": job_type.retryable_categories,
        "concurrencyLimit": job_type.concurrency_limit,
        "held": None if job_type.concurrency_limit is None else standing.held,
        "pause": pause and {"scope": pause.scope, "reason": pause.reason, "by": pause.paused_by, "since": written(pause.at)},
    }
