"""manage.py revoke_token"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import tokens
from jobs.management.operator import operator


class Command(BaseCommand):
    help = "Ends a token, or all that live under a name; every server refuses them within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("token", metavar="PUBLIC_ID_OR_NAME", help="as list_tokens shows it; the public id is the middle of the token")
        parser.add_argument("--reason", help="kept in the audit log")

    def handle(self, **options: Any) -> None:
        try:
            revoked = tokens.revoke(options["token"], by=operator(), reason=options["reason"])
        except tokens.TokenRefused as refusal:
            raise CommandError(str(refusal)) from None
        for token in revoked:
            self.stdout.write(f"Revoked: {token}")
        if not revoked:
            self.stdout.write("It was revoked before.")
