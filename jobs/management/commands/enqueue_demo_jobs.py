"""manage.py enqueue_demo_jobs"""

import os
from typing import Any

import httpx2
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.demo import staging


class Command(BaseCommand):
    help = (
        "Enqueues one job for every way a job can go; plays the container host and the person who cancels. Check with check_demo_results."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-missing", action="store_true", help="do nothing when there is a demo set already")
        port = os.environ.get("PORT", "8000")
        parser.add_argument("--url", default=f"http://127.0.0.1:{port}", help="where the server answers (default: %(default)s)")
        parser.add_argument(
            "--patience", type=float, default=120, metavar="SECONDS", help="how long to wait for the job to cancel (default: 120)"
        )

    def handle(self, **options: Any) -> None:
        if options["if_missing"] and staging.demo_jobs():
            self.stdout.write("The demo jobs are there already.")
            return
        jobs = staging.enqueue_set()
        self.stdout.write(f"{len(jobs)} demo jobs enqueued.")
        try:
            staging.report_container_failure(jobs["container"], url=options["url"].rstrip("/"))
        except httpx2.HTTPError as error:
            raise CommandError(
                f"The container failure could not be reported to {options['url']}: {error}. Is the server running? (--url)"
            ) from None
        staging.cancel_once_running(jobs["cancelled"], patience_seconds=options["patience"], tell=self.stdout.write)
