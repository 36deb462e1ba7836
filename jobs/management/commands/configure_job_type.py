"""manage.py configure_job_type"""

from argparse import SUPPRESS, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import job_types
from jobs.failures import Category
from jobs.job_types import PolicyRefused
from jobs.management.operator import operator
from jobs.times import read_span

# Back to what holds for every type.
DEFAULT = "default"
_OPTIONS = {
    "max_attempts": "--max-attempts",
    "timeout_seconds": "--timeout",
    "backoff_base_seconds": "--backoff-base",
    "backoff_cap_seconds": "--backoff-cap",
    "retryable_categories": "--retry-on",
    "concurrency_limit": "--concurrency-limit",
}


class Command(BaseCommand):
    help = (
        "Says how jobs of a type are tried again, how long they may run, and how many of them may be held at a time. What is not named "
        f"stays as it is; the word {DEFAULT} takes back what was said. A job's own words, where its producer sent some, come first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        def option(part: str, **about: Any) -> None:
            parser.add_argument(_OPTIONS[part], dest=part, default=SUPPRESS, **about)

        parser.add_argument("name", metavar="TYPE", help="the type; jobs of it need not exist yet")
        option("max_attempts", type=_whole, metavar="N", help="how often a new job is tried (default: 1)")
        option(
            "timeout_seconds", type=_seconds, metavar="TIME", help="how long a run of a new job may take, such as 90s or 4h (default: 1h)"
        )
        option("backoff_base_seconds", type=_seconds, metavar="TIME", help="pause after the first failure; it doubles (default: 10s)")
        option("backoff_cap_seconds", type=_seconds, metavar="TIME", help="no pause is longer (default: 1h)")
        option("retryable_categories", type=_categories, metavar="CATEGORIES", help=f"tried again, of {','.join(Category)}; or none")
        option("concurrency_limit", type=_whole, metavar="N", help="at most so many are claimed or running (default: any number)")
        parser.add_argument("--reason", required=True, help="kept in the audit log")

    def handle(self, **options: Any) -> None:
        changes = {part: options[part] for part in _OPTIONS if part in options}
        if not changes:
            raise CommandError(f"Nothing to change: name at least one of {', '.join(_OPTIONS.values())}.", returncode=2)
        try:
            changed = job_types.configure(options["name"], by=operator(), reason=options["reason"], **changes)
        except PolicyRefused as refusal:
            raise CommandError(f"{_OPTIONS.get(refusal.part, 'TYPE')}: {refusal}", returncode=2) from None
        told = ", ".join(f"{_OPTIONS[part].removeprefix('--')} {_word(values['to'])}" for part, values in changed.items())
        self.stdout.write(f"{options['name']}: {told}." if told else f"{options['name']}: that was so already.")


def _whole(text: str) -> int | None:
    if text == DEFAULT:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ArgumentTypeError(f"{text!r} must be a whole number, or {DEFAULT}")
    return int(text)


def _seconds(text: str) -> int | None:
    try:
        return None if text == DEFAULT else int(read_span(text).total_seconds())
    except (ValueError, OverflowError) as problem:
        raise ArgumentTypeError(f"{problem}; or {DEFAULT}") from None


def _categories(text: str) -> list[str] | None:
    if text == DEFAULT:
        return None
    return [] if text == "none" else [word for word in text.split(",") if word]


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value) or "none"
    return DEFAULT if value is None else str(value)
