"""manage.py enqueue_demo_jobs"""

import os
from typing import Any

import httpx2
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.demo import staging


class Command(BaseCommand):
    help = (
        "Enqueues the demo: one job for every way a job can go. Then plays the two parts that no orchestrator plays: reports the failure "
        "of the container job to the server, and cancels a job while an orchestrator runs it. Ends when both are played; the other jobs "
        "go on. Needs the server, and an orchestrator that takes the type demo. What became of them tells check_demo_results."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--if-missing", action="store_true", help="when there is a demo already, enqueue nothing and play what is left to play in it"
        )
        port = os.environ.get("PORT", "8000")
        parser.add_argument("--url", default=f"http://127.0.0.1:{port}", help="where the server answers (default: %(default)s)")
        patience = "how long to wait for an orchestrator to run the job to cancel (default: %(default)s)"
        parser.add_argument("--patience", type=float, default=120, metavar="SECONDS", help=patience)

    def handle(self, **options: Any) -> None:
        jobs = staging.demo_jobs() if options["if_missing"] else {}
        if jobs:
            self.stdout.write("The demo jobs are there already.")
        else:
            jobs = staging.enqueue_set()
            self.stdout.write(f"{len(jobs)} demo jobs enqueued.")
        rest = {"patience_seconds": options["patience"], "tell": self.stdout.write}
        try:
            if container := jobs.get("container"):
                staging.report_container_failure(container, url=options["url"].rstrip("/"), **rest)
        except httpx2.HTTPError as error:
            raise CommandError(
                f"The container failure could not be reported to {options['url']}: {error}. Is the server running? (--url)"
            ) from None
        if to_cancel := jobs.get("cancelled"):
            staging.cancel_once_running(to_cancel, **rest)
