"""manage.py deliver_webhooks"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from psycopg_pool import PoolTimeout

from jobs.loops import repeat_until, until_told
from jobs.management import options
from jobs.webhooks.sending import MOST_AT_ONCE, Sender


class Command(BaseCommand):
    help = (
        "Tells the endpoints of webhooks of changes of status. Any number may run at once, and each may be killed: what it had under way "
        "is sent again half a minute later. Without --loop it sends what is due and ends."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until SIGTERM, which lets what is under way come to its end")
        interval = f"how often to look when nothing is due, at least {options.LEAST_INTERVAL_SECONDS} (default: 1)"
        parser.add_argument("--interval", type=options.interval, default=1, metavar="SECONDS", help=interval)
        limit = f"at most N deliveries under way at a time (default: {MOST_AT_ONCE})"
        parser.add_argument("--limit", type=options.count, default=MOST_AT_ONCE, metavar="N", help=limit)

    def handle(self, **asked: Any) -> None:
        with Sender(asked["limit"]) as sender:
            if not asked["loop"]:
                self._once(sender, asked["interval"])
                return
            with until_told() as stopped:

                def once() -> bool:
                    if not sender.work() and not stopped.is_set():
                        sender.rest(asked["interval"])
                    return True

                repeat_until(stopped, once, seconds=asked["interval"], name="webhooks")

    def _once(self, sender: Sender, interval: float) -> None:
        try:
            while sender.work() or not sender.is_idle:
                sender.rest(interval)
        except (Error, PoolTimeout) as error:
            raise CommandError(f"The database did not answer as it should; what was sent until then is written down. {error}") from error
