"""Changes of status, read from the log and made into deliveries: each once for each endpoint that is to be told, none that was rolled back.

A fold (jobs/folding.py): what it makes and how far it has read are one transaction. The log is read by senders only, and only while there
is an endpoint; no report and no claim does anything for it.
"""

from jobs import folding, statements
from jobs.lifecycle import Status
from jobs.models import WebhookEndpoint

FOLD = "webhooks"
EVENTS = tuple(f"job.{status}" for status in Status)
TEST = "webhook.test"


def fold() -> bool:
    """Makes the deliveries of what has changed since the last time.

    Returns:
        Whether there may be more at once.
    """
    return WebhookEndpoint.objects.filter(enabled=True).exists() and folding.fold(FOLD, "webhook_events")


def begin_here() -> int:
    """From which transaction on an endpoint that is enabled now hears of changes: to be called in the transaction that enables it.

    While there was no endpoint, nothing was read: all that is passed over.
    """
    statements.run("hold_fold", fold=FOLD)
    if not WebhookEndpoint.objects.filter(enabled=True).exists():
        statements.run("pass_over", fold=FOLD)
    return int(statements.run("horizon")[0]["xid"])


def lag_seconds() -> float:
    """How old the oldest entry is that has not become deliveries yet; 0 when there is none, or nobody to be told."""
    if not WebhookEndpoint.objects.filter(enabled=True).exists():
        return 0.0
    rows = statements.run("fold_lag", fold=FOLD)
    return max(0.0, rows[0]["seconds"]) if rows else 0.0
