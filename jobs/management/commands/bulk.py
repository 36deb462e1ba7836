"""manage.py bulk"""

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import bulk
from jobs.bulk import ACTIONS, MOST, Preview, Selection
from jobs.filters import JobFilterSet
from jobs.ids import is_id
from jobs.management.carrying_out import carry_out
from jobs.management.operator import operator
from jobs.models import BulkOperation, BulkState


class Command(BaseCommand):
    help = (
        "Does one thing to many jobs: shows what it comes to, asks, and has it done batch by batch by the sweep loop, or here with --wait. "
        f"At most {MOST:,} jobs. Each job is judged when its turn comes; those that do not allow it any more are passed over, and told. "
        "Exit code 0 when it was confirmed (with --wait: done), 1 when it was not, or not done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action", choices=ACTIONS, help="edit: sets the priority of queued jobs; acknowledge: of failed jobs, their failure groups"
        )
        which = parser.add_mutually_exclusive_group(required=True)
        names = ", ".join(JobFilterSet.base_filters)
        which.add_argument(
            "--filter",
            type=_parameter,
            action="append",
            metavar="NAME=VALUE",
            help=f"may stand several times; several values with commas; {names}",
        )
        which.add_argument("--ids-from", metavar="FILE", help="ids of jobs, one a line; - reads standard input, and needs --yes")
        parser.add_argument("--priority", type=_priority, metavar="N", help="of edit: 0 to 100, higher is claimed first")
        parser.add_argument("--reason", help="kept in the audit log of each job; needed unless --dry-run")
        parser.add_argument("--dry-run", action="store_true", help="show what it comes to, and end")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--wait", action="store_true", help="do it here, and end when it is done")

    def handle(self, **options: Any) -> None:
        if not options["dry_run"] and not (options["reason"] or "").strip():
            raise CommandError("Say why: --reason stands in the audit log of each job.")
        if not (options["dry_run"] or options["yes"] or sys.stdin.isatty()):
            raise CommandError("There is nobody to ask. If that is what you want, say --yes.")
        arguments = {} if options["priority"] is None else {"priority": options["priority"]}
        action, by = ACTIONS[options["action"]], operator()
        try:
            action.check(arguments)
            selection = _selection(options)
            if options["dry_run"]:
                self.stdout.write(f"dry run\n{_told(selection.told, bulk.preview_of(action, selection, by=by.kind))}\ndry run")
                return
            operation = bulk.create(action.name, selection, by=by, arguments=arguments)
        except (ValueError, bulk.TooManyJobs) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(_told(operation.selection, operation.preview))
        agreed = options["yes"] or self._agreed(action.name)
        try:
            if not agreed:
                bulk.stop(operation.id, by=by, reason="declined")
                raise CommandError("Nothing was done.")
            operation = bulk.confirm(operation.id, by=by, reason=options["reason"])
        except (bulk.TooManyJobs, bulk.NotNow) as problem:
            raise CommandError(str(problem)) from None
        except BulkOperation.DoesNotExist:
            raise CommandError(f"Nothing was done: {operation.id} was not confirmed in time, and is forgotten.") from None
        if options["wait"]:
            self._wait(operation)
        else:
            self.stdout.write(f"{operation.id} with {operation.selected:,} jobs: the sweep loop carries it out.")

    def _agreed(self, action: str) -> bool:
        self.stdout.write(f"{action}? [y/N] ", ending="")
        self.stdout.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _wait(self, operation: BulkOperation) -> None:
        carry_out(operation)
        sums = ", ".join(f"{count:,} {outcome}" for outcome, count in operation.outcomes.items())
        self.stdout.write(f"{operation.id} is {operation.state}: {sums}, of {operation.selected:,}.")
        if operation.state != BulkState.DONE or operation.failed:
            sys.exit(1)


def _parameter(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not (mark and value) or name not in JobFilterSet.base_filters:
        raise ArgumentTypeError(f"{text!r} must be NAME=VALUE, with a name of {', '.join(JobFilterSet.base_filters)}")
    return name, value


def _priority(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise ArgumentTypeError(f"{text!r} must be a whole number from 0 to 100")
    return int(text)


def _selection(options: dict[str, Any]) -> Selection:
    if options["filter"]:
        names = dict.fromkeys(name for name, _ in options["filter"])
        return Selection(filter={name: ",".join(value for its, value in options["filter"] if its == name) for name in names})
    source = options["ids_from"]
    try:
        ids = (sys.stdin.read() if source == "-" else Path(source).read_text()).split()
    except (OSError, UnicodeDecodeError) as problem:
        raise CommandError(f"--ids-from: {problem}") from None
    if wrong := next((word for word in ids if not is_id(word)), None):
        raise CommandError(f"--ids-from: {wrong[:100]!r} is no id of a job.")
    return Selection(ids=ids)


def _told(selection: str, preview: Preview) -> str:
    lines = [f"{preview['count']:,} jobs: {selection}", f"  would change: {preview['wouldChange']:,}"]
    lines += [f"  {status}: {count:,}" for status, count in preview["byStatus"].items()]
    lines += [f"  type {name}: {count:,}" for name, count in preview["byType"].items()]
    lines += [f"  {preview['otherTypes']:,} more types"] * bool(preview["otherTypes"])
    lines += [f"  no such job: {preview['missing']:,}"] * bool(preview["missing"])
    lines += [f"  e.g. {job['id']}  {job['status']}  {job['type']}" for job in preview["sample"]]
    return "\n".join(lines)
