"""manage.py list_tokens"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.models import ApiToken
from jobs.times import written


class Command(BaseCommand):
    help = "Lists the tokens that were issued, the newest first; never their texts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text", help="json: one list")

    def handle(self, **options: Any) -> None:
        tokens = [_told(token) for token in ApiToken.objects.order_by("-created_at", "public_id")]
        if options["format"] == "json":
            self.stdout.write(json.dumps(tokens))
            return
        for told in tokens:
            speaks = f"speaks for {told['orchestratorId']}" if told["orchestratorId"] else "bound to no orchestrator"
            used, ends = told["lastUsedAt"] or "never", told["expiresAt"] or "never"
            self.stdout.write(
                f"{told['publicId']}  {told['state']:<8} {told['name']}  {','.join(told['scopes'])}  {speaks}  used {used}  expires {ends}"
            )


def _told(token: ApiToken) -> dict[str, Any]:
    names = {"publicId": token.public_id, "name": token.name, "state": token.state, "scopes": token.scopes}
    moments = {
        "createdAt": token.created_at,
        "expiresAt": token.expires_at,
        "lastUsedAt": token.last_used_at,
        "revokedAt": token.revoked_at,
    }
    return {**names, "orchestratorId": token.orchestrator_id, **{name: written(moment) for name, moment in moments.items()}}
