"""manage.py seed_jobs"""

import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.demo import seeding
from jobs.management import options
from jobs.models import Job


class Command(BaseCommand):
    help = (
        "Fills a database for a demonstration or a measurement: jobs of twelve types in every status, with their histories, attempts, some "
        "logs, failure groups and figures, as if they had been made and run. They are written past the door, some ten thousand a second."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=options.count, required=True, metavar="N", help="how many jobs")
        parser.add_argument("--over", type=options.span, default="30d", metavar="SPAN", help="made over so long until now (default: 30d)")
        parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance: the same one makes the same jobs (default: 1)")
        parser.add_argument("--add", action="store_true", help="also when there are jobs already")
        parser.add_argument("--no-fold", action="store_true", help="leave groups and figures to the sweep loop, which takes a while")
        parser.add_argument("--yes-really", action="store_true", help="also in production")

    def handle(self, **asked: Any) -> None:
        if settings.PRODUCTION and not asked["yes_really"]:
            raise CommandError("This is production: invented jobs would stand among real ones for good. If you mean it: --yes-really.")
        if not asked["add"] and Job.objects.exists():
            raise CommandError("There are jobs already. To put more beside them: --add.")
        began = time.monotonic()
        done = seeding.seed(count=asked["count"], now=datetime.now(UTC), over=asked["over"], chance=asked["seed"])
        took = time.monotonic() - began
        rows = f"{done.jobs:,} jobs, {done.entries:,} audit entries, {done.attempts:,} attempts and {done.lines:,} log lines"
        self.stdout.write(f"{rows} in {took:.1f} s: {done.jobs / took:,.0f} jobs a second.")
        if not asked["no_fold"]:
            seeding.fold()
            self.stdout.write("Failure groups and figures are up to date.")
