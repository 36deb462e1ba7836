"""Options of the commands that are about stuck jobs: which of them are meant."""

from typing import Any

from django.core.management.base import CommandParser

from jobs.management import options
from jobs.rules import NAMES, RULES, Narrowing

HELP_OF_RULES = "; ".join(f"{rule.name}: {rule.looks_for[0].lower()}{rule.looks_for[1:]}" for rule in RULES)


def add_narrowing(parser: CommandParser) -> None:
    parser.add_argument("--rule", choices=NAMES, action="append", metavar="RULE", help=f"only by this rule (repeatable). {HELP_OF_RULES}")
    older = "stuck for at least so long, such as 90s, 15m, 12h or 30d, counted from when the lease or the grace was over"
    parser.add_argument("--older-than", type=options.span, metavar="TIME", help=older)
    parser.add_argument("--job-type", action="append", metavar="TYPE", help="only jobs of this type (repeatable)")
    parser.add_argument("--orchestrator", action="append", metavar="ID", help="only jobs held by this orchestrator (repeatable)")


def narrowing_of(asked: dict[str, Any]) -> Narrowing:
    told = {
        "rules": asked["rule"],
        "older_than": asked["older_than"],
        "job_types": asked["job_type"],
        "orchestrators": asked["orchestrator"],
    }
    return Narrowing(**{name: value for name, value in told.items() if value})
