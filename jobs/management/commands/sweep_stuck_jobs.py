"""manage.py sweep_stuck_jobs"""

import json
import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import watch
from jobs.actors import Actor
from jobs.chores import do_chores
from jobs.loops import repeat
from jobs.sweeps import Sweep, sweep
from jobs.times import written
from jobs.watch import Brake

LEAST_INTERVAL_SECONDS = 0.1


class Command(BaseCommand):
    help = (
        "Moves on what is stuck: expired claims go back to the queue, expired runs fail (or are retried), overdue cancels are forced. "
        "Any number may run at once. After an outage, and when too many running leases run out at once, none of them is ended for one "
        "lease period (the brake). Exit code 0 when done, also when something was swept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="tell what would be swept, change nothing")
        parser.add_argument("--force", action="store_true", help="end running leases that have run out even while the brake holds")
        parser.add_argument("--limit", type=int, metavar="N", help="at most N jobs in one sweep")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="json: one object a sweep, one a line")
        parser.add_argument("--loop", action="store_true", help="sweep again and again until SIGTERM")
        interval = f"pause between two sweeps of a loop, at least {LEAST_INTERVAL_SECONDS} (default: 5)"
        parser.add_argument("--interval", type=_interval, default=5, metavar="SECONDS", help=interval)

    def handle(self, **options: Any) -> None:
        asked = {name: options[name] for name in ("limit", "dry_run", "force")}
        if not options["loop"]:
            self._tell(sweep(by=Actor.sweep(), **asked), options)
            if not options["dry_run"]:
                do_chores()
            return
        took = 0.0

        def once() -> bool:
            nonlocal took
            began = time.monotonic()
            done = sweep(by=Actor.sweep(), **asked, again_within=watch.promise(options["interval"] + took))
            if done.swept or done.came_due:
                self._tell(done, options)
            # After the sweep: no job, and no sign of life, waits for them.
            more = not options["dry_run"] and do_chores()
            took = time.monotonic() - began
            return more

        repeat(once, seconds=options["interval"], name="sweep")

    def _tell(self, done: Sweep, options: dict[str, Any]) -> None:
        self.stdout.write(_as_json(done, options["dry_run"]) if options["format"] == "json" else _as_text(done, options["dry_run"]))


def _interval(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = float("nan")
    # Said so that not-a-number is refused, too.
    if not LEAST_INTERVAL_SECONDS <= seconds < float("inf"):
        raise ArgumentTypeError(f"{word!r} must be a number of seconds, {LEAST_INTERVAL_SECONDS} or more")
    return seconds


def _as_json(done: Sweep, dry_run: bool) -> str:
    swept = [{"jobId": one.job_id, "from": one.was, "to": one.became, "cause": one.cause} for one in done.swept]
    told = {"dryRun": dry_run, "swept": swept, "cameDue": done.came_due, "brake": None, "seconds": round(done.seconds, 3)}
    if done.brake:
        brake = done.brake
        told["brake"] = {"reason": brake.reason, "since": written(brake.since), "until": written(brake.until), "kept": brake.kept}
    return json.dumps(told)


def _as_text(done: Sweep, dry_run: bool) -> str:
    lines = [f"{one.job_id}  {one.was} -> {one.became}  {one.cause}" for one in done.swept]
    if done.brake:
        lines.append(_braked(done.brake))
    lines.append(f"{len(done.swept)} swept, {done.came_due} came due, {done.seconds:.2f} s")
    mark = ["dry run"] if dry_run else []
    return "\n".join([*mark, *lines, *mark])


def _braked(brake: Brake) -> str:
    until = f"until {written(brake.until)}" if brake.until else "until it is back, and a lease period"
    return f"The brake holds since {written(brake.since)}, {until}: {brake.reason}. Running leases that ran out and are kept: {brake.kept}"
