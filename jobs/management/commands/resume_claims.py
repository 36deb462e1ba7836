"""manage.py resume_claims"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import pausing
from jobs.management.operator import operator
from jobs.pausing import SITE, Subject


class Command(BaseCommand):
    help = "Lets claims go on that pause_claims has stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--type", metavar="TYPE", help="of jobs of this type")
        whose.add_argument("--orchestrator", metavar="ID", help="by this orchestrator")
        parser.add_argument("--reason", required=True, help="kept in the audit log")

    def handle(self, **options: Any) -> None:
        subject = SITE
        if options["type"]:
            subject = Subject.type(options["type"])
        elif options["orchestrator"]:
            subject = Subject.orchestrator(options["orchestrator"])
        resumed = pausing.resume(by=operator(), reason=options["reason"], subject=subject)
        self.stdout.write("Claims go on." if resumed else "They were not stopped.")
