"""manage.py create_token"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import times, tokens
from jobs.management.operator import operator
from jobs.models import Scope


class Command(BaseCommand):
    help = "Issues a token for one program and prints it: the only time that it can be read. At most two of one name live at a time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="who it is for; stands as createdBy on the jobs it makes")
        parser.add_argument("--orchestrator", metavar="ID", help="the one orchestrator it speaks for (needed for the scope orchestrate)")
        parser.add_argument("--scope", nargs="+", action="extend", default=[], metavar="SCOPE", help=", ".join(Scope))
        parser.add_argument("--expires-in", metavar="TIME", help="such as 30d, 12h, 45m or 90s (default: never)")
        parser.add_argument("--format", choices=("text", "json"), default="text", help='json: {"token": …} and nothing else')

    def handle(self, **options: Any) -> None:
        scopes = [word for words in options["scope"] for word in words.split(",") if word]
        try:
            expires_in = times.read_span(options["expires_in"]) if options["expires_in"] else None
            issued = tokens.issue(
                options["name"], scopes=scopes, orchestrator_id=options["orchestrator"], expires_in=expires_in, by=operator()
            )
        except (ValueError, tokens.TokenRefused) as problem:
            raise CommandError(str(problem)) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps({"token": issued.text}))
        else:
            self.stdout.write(
                f"{issued.text}\nKeep it now: it is not shown again. To end it: manage.py revoke_token {issued.token.public_id}"
            )
