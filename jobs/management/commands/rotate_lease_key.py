"""manage.py rotate_lease_key"""

from typing import Any

from django.core.management.base import BaseCommand

from jobs import leases
from jobs.management.operator import operator


class Command(BaseCommand):
    help = "Makes a new key for lease tokens. It signs the claims made from a minute later on; the tokens of older claims stay good."

    def handle(self, **options: Any) -> None:
        leases.add_key(by=operator())
        self.stdout.write(f"A new key signs every claim made from {2 * leases.KEYS_REMEMBERED_SECONDS} s from now on.")
