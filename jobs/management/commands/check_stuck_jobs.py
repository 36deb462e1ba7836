"""manage.py check_stuck_jobs"""

import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error
from psycopg_pool import PoolTimeout

from jobs.management import options
from jobs.management.narrowing import add_narrowing, narrowing_of
from jobs.monitoring import UNKNOWN, check_stuck

WARNING, CRITICAL = 10, 100


class Command(BaseCommand):
    help = (
        "Says in one line how many jobs are stuck, as monitors (Nagios and its kin) read it; changes nothing. Exit code 0: fewer than "
        "--warning; 1: so many or more; 2: --critical or more; 3: it could not be found out."
    )

    def create_parser(self, prog_name: str, subcommand: str, **rest: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **rest)
        # To a monitor, 2 says that something is critical; that it was asked wrongly is 3.
        parser.error = self._refuse  # type: ignore[assignment,method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--warning", type=options.count, default=WARNING, metavar="N", help=f"from N stuck jobs (default: {WARNING})")
        parser.add_argument(
            "--critical", type=options.count, default=CRITICAL, metavar="N", help=f"from N stuck jobs (default: {CRITICAL})"
        )
        add_narrowing(parser)

    def handle(self, **asked: Any) -> None:
        if asked["warning"] > asked["critical"]:
            self._refuse("--warning must not be more than --critical")
        try:
            verdict = check_stuck(narrowing_of(asked), warning=asked["warning"], critical=asked["critical"])
        except (Error, PoolTimeout) as error:
            self._refuse(f"the database did not answer: {' '.join(str(error).split())}")
        self.stdout.write(str(verdict))
        sys.exit(verdict.code)

    def _refuse(self, why: str) -> NoReturn:
        self.stdout.write(f"STUCK JOBS UNKNOWN - {why}")
        sys.exit(UNKNOWN)
