"""manage.py check_demo_results"""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.demo.verification import Finding, findings


class Command(BaseCommand):
    help = (
        "Holds each job of the newest demo against what should have become of it: status, exit code, error, output, audit entries, "
        "durations. Prints a line for each, and below it whatever is other than it should be. Exits 1 when anything is, or is not "
        "finished yet. The demo is made by enqueue_demo_jobs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait up to so long until all have ended (default: 0)")

    def handle(self, **options: Any) -> None:
        until = time.monotonic() + options["wait"]
        found = findings()
        while any(_is_unfinished(finding) for finding in found) and time.monotonic() < until:
            time.sleep(1)
            found = findings()
        self.stdout.write(f"{'':<6} {'job':<18} {'status':<10} {'exit':>4}  {'category':<13} id")
        for finding in found:
            self.stdout.write(_line(finding))
            for fault in finding.faults:
                self.stdout.write(f"    {fault}")
        wrong = sum(bool(finding.faults) for finding in found)
        self.stdout.write(
            f"{len(found) - wrong} of {len(found)} are as they should be." if wrong else f"All {len(found)} are as they should be."
        )
        if wrong:
            sys.exit(1)


def _is_unfinished(finding: Finding) -> bool:
    return finding.job is not None and finding.job.completed_at is None


def _line(finding: Finding) -> str:
    job, mark = finding.job, "wrong" if finding.faults else "ok"
    state = (
        f"{job.status:<10} {job.exit_code if job.exit_code is not None else '-':>4}  {job.error_category or '-':<13} {job.id}"
        if job
        else "missing"
    )
    return f"{mark:<6} {finding.scenario.key:<18} {state}  {finding.note}".rstrip()
