"""manage.py regroup_failures"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import regrouping
from jobs.management.operator import operator


class Command(BaseCommand):
    help = (
        "Groups failures anew, after an update has changed the rule by which they are alike. Run it once every server and sweep loop runs "
        "the new version. It goes on where it was stopped; any number may run at once; when there is nothing to do it says so."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", action="store_true", help="begin anew, though all failures are grouped by the rule in force")

    def handle(self, **options: Any) -> None:
        if options["again"]:
            regrouping.begin_again()
        jobs = changed = 0
        while not (done := regrouping.regroup(by=operator())).ended:
            jobs, changed = jobs + done.jobs, changed + done.changed
        self.stdout.write(f"{jobs + done.jobs} jobs looked at, {changed + done.changed} failures have another group now.")
