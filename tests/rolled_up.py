"""The roll-up, brought up to date."""

import time

from django.db import connection

from jobs import rollup

_BEHIND = """
select exists (select from audit_log a, folds f where f.name = %s and (a.xid, a.id) > (f.xid, f.entry))
"""


def fold_all() -> None:
    """Folds until nothing is left of the log, waiting for whoever on this server may still write."""
    deadline = time.monotonic() + 20
    while rollup.fold() or is_behind():
        assert time.monotonic() < deadline, "an older transaction holds the fold back"


def is_behind() -> bool:
    """Whether an entry has not been taken in."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, [rollup.FOLD])
        return bool((cursor.fetchone() or [False])[0])
