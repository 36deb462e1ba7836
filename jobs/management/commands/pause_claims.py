"""manage.py pause_claims"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import fleet, pausing
from jobs.management.operator import operator
from jobs.pausing import SITE, Subject


class Command(BaseCommand):
    help = "Stops claims: all of them, of a type of jobs, or by an orchestrator. What is held goes on and is reported as usual."

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--type", metavar="TYPE", help="only jobs of this type")
        whose.add_argument("--orchestrator", metavar="ID", help="only by this orchestrator")
        parser.add_argument(
            "--mode", choices=("drained", "disabled"), help="of an orchestrator; what it is told as the reason (default: drained)"
        )
        parser.add_argument(
            "--take-back", action="store_true", help="of an orchestrator; what it has claimed and not started goes back to the queue"
        )
        parser.add_argument("--reason", required=True, help="kept in the audit log")

    def handle(self, **options: Any) -> None:
        by, reason = operator(), options["reason"]
        if options["mode"] and not options["orchestrator"]:
            raise CommandError("--mode goes with --orchestrator: jobs are paused, only orchestrators are drained or disabled.")
        if options["take_back"] and not options["orchestrator"]:
            raise CommandError("--take-back goes with --orchestrator: it is from one that jobs are taken back.")
        if options["orchestrator"]:
            stop = pausing.disable if options["mode"] == "disabled" else pausing.drain
            stop(options["orchestrator"], by=by, reason=reason)
        else:
            pausing.pause(by=by, reason=reason, subject=Subject.type(options["type"]) if options["type"] else SITE)
        self.stdout.write("No more jobs are claimed. To go on: manage.py resume_claims, of the same type or orchestrator, with a reason.")
        if options["take_back"]:
            taken = fleet.take_back(options["orchestrator"], by=by, reason=reason)
            self.stdout.write(f"Taken back: {taken} claimed and not started.")
