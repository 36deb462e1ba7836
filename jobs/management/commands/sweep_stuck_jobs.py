"""manage.py sweep_stuck_jobs"""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from psycopg_pool import PoolTimeout

from jobs import watch
from jobs.actors import Actor
from jobs.chores import do_chores
from jobs.loops import repeat_until, until_told
from jobs.management import options, sweep_report
from jobs.management.narrowing import add_narrowing, narrowing_of
from jobs.management.operator import operator
from jobs.sweep_runs import ByHand
from jobs.sweeps import BATCH, MOST_IN_A_BATCH, Sweep, sweep


class Command(BaseCommand):
    help = (
        "Moves on what is stuck: expired claims go back to the queue, expired runs fail (or are retried), overdue cancels are forced. "
        "Any number may run at once. After an outage, and when too many running leases run out at once, none of them is ended for one "
        "lease period (the brake). Exit code 0 when done, also when something was swept; 1 after an error; 2 for options that can't be."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_narrowing(parser)
        parser.add_argument("--limit", type=options.count, metavar="N", help="at most N jobs in one sweep")
        batch = f"jobs moved in one transaction, at most {MOST_IN_A_BATCH} (default: {BATCH})"
        parser.add_argument("--batch-size", type=options.count, default=BATCH, metavar="N", help=batch)
        parser.add_argument("--dry-run", action="store_true", help="tell what would be swept, change nothing")
        parser.add_argument("--force", action="store_true", help="end running leases that have run out even while the brake holds")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="json: one object a sweep, one a line")
        parser.add_argument("--loop", action="store_true", help="sweep again and again until SIGTERM, which ends it after the batch")
        interval = f"pause between two sweeps of a loop, at least {options.LEAST_INTERVAL_SECONDS} (default: 5)"
        parser.add_argument("--interval", type=options.interval, default=5, metavar="SECONDS", help=interval)

    def handle(self, **asked: Any) -> None:
        how = {name: asked[name] for name in ("limit", "dry_run", "force")}
        how |= {"by": Actor.sweep(), "narrowing": narrowing_of(asked), "batch_size": min(asked["batch_size"], MOST_IN_A_BATCH)}
        if asked["loop"]:
            self._loop(how, asked)
            return
        try:
            self._tell(sweep(**how, by_hand=ByHand(operator())), asked)
            if not asked["dry_run"]:
                do_chores()
        except (Error, PoolTimeout) as error:
            raise CommandError(f"The database did not answer as it should; what was swept until then stays so. {error}") from error

    def _loop(self, how: dict[str, Any], asked: dict[str, Any]) -> None:
        took = 0.0
        with until_told() as stopped:

            def once() -> bool:
                nonlocal took
                began = time.monotonic()
                done = sweep(**how, again_within=watch.promise(asked["interval"] + took), is_told_to_stop=stopped.is_set)
                if done.swept or done.came_due:
                    self._tell(done, asked)
                # After the sweep: no job, and no sign of life, waits for them.
                more = not asked["dry_run"] and not stopped.is_set() and do_chores()
                took = time.monotonic() - began
                return more

            repeat_until(stopped, once, seconds=asked["interval"], name="sweep")

    def _tell(self, done: Sweep, asked: dict[str, Any]) -> None:
        told = sweep_report.as_json if asked["format"] == "json" else sweep_report.as_text
        self.stdout.write(told(done, dry_run=asked["dry_run"]))
