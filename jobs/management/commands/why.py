"""manage.py why"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import blockers
from jobs.lifecycle import JobNotFound
from jobs.times import written


class Command(BaseCommand):
    help = (
        "Tells why a job is not running: everything that keeps it in the queue now, each with its numbers. A job that is not queued, or "
        "that the next claim would get, is kept by nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job_id", metavar="JOB_ID")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="json: as GET /jobs/{id}/blockers answers")

    def handle(self, **options: Any) -> None:
        try:
            standing = blockers.look(options["job_id"])
        except JobNotFound as problem:
            raise CommandError(problem.message) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps(standing.told()))
            return
        self.stdout.write(f"{standing.job_id} is {standing.status} at {written(standing.at)}.")
        for blocker in standing.blockers:
            self.stdout.write(f"{blocker.code:<16} {blocker.message}")
        if standing.is_free:
            self.stdout.write("Nothing keeps it: the next claim by an orchestrator that takes such jobs gets it.")
