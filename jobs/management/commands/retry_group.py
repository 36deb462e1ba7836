"""manage.py retry_group"""

import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import bulk
from jobs.management.carrying_out import carry_out
from jobs.management.operator import operator
from jobs.management.options import count, span
from jobs.models import BulkOperation, BulkState
from jobs.triage import NoSuchGroup


class Command(BaseCommand):
    help = (
        "Lets the jobs of a failure group that stand failed run again, with care: a few canaries first, and the rest only when these have "
        "completed. When one of them fails again, it stops and says so; the rest stays failed. The sweep loop carries it out, or this "
        "command with --wait. Exit code 0 when it was begun (with --wait: done), 1 when it was not, or stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("fingerprint", metavar="FINGERPRINT", help="of the group, as jobs and the failure groups show it")
        parser.add_argument(
            "--canaries", type=count, default=bulk.CANARIES, metavar="N", help=f"how many are tried first (default: {bulk.CANARIES})"
        )
        parser.add_argument(
            "--over",
            type=span,
            default=timedelta(0),
            metavar="SPAN",
            help="spread the rest evenly over so long: 15m, 12h (default: at once)",
        )
        parser.add_argument("--reason", required=True, help="kept in the audit log of the group and of each job")
        parser.add_argument("--wait", action="store_true", help="carry it out here, and end when it has ended")

    def handle(self, **options: Any) -> None:
        if not options["reason"].strip():
            raise CommandError("Say why: --reason stands in the audit log.")
        try:
            operation = bulk.retry_group(
                options["fingerprint"], by=operator(), reason=options["reason"], canaries=options["canaries"], over=options["over"]
            )
        except (ValueError, NoSuchGroup, bulk.NothingToRetry, bulk.UnderWay) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{operation.id} with {operation.selected:,} jobs, of which {options['canaries']:,} are tried first.")
        if options["wait"]:
            self._wait(operation, options["fingerprint"])

    def _wait(self, operation: BulkOperation, fingerprint: str) -> None:
        carry_out(operation)
        retry = bulk.last_retry(fingerprint)
        self.stdout.write(f"{operation.id} is {operation.state}: {operation.changed:,} of {operation.selected:,} retried.")
        if retry and retry.words:
            self.stdout.write(retry.words)
        if operation.state != BulkState.DONE or operation.failed:
            sys.exit(1)
