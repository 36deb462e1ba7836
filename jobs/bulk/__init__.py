"""Bulk operations: one act on many jobs, shown first, confirmed with a reason, and carried out a batch at a time."""

from jobs.bulk.actions import ACTIONS, BulkAction
from jobs.bulk.canary import CANARIES, LONGEST_SPREAD, MOST_CANARIES, NothingToRetry, UnderWay, failed_alike, last_retry, retry_group
from jobs.bulk.operations import PREFIX, ForStaff, NotNow, OtherNumber, confirm, create, forget_ended, forget_previews, pause, resume, stop
from jobs.bulk.running import BATCH, run_batch
from jobs.bulk.selection import MOST, Preview, Selection, TooManyJobs, preview_of

__all__ = [
    "ACTIONS",
    "BATCH",
    "CANARIES",
    "LONGEST_SPREAD",
    "MOST",
    "MOST_CANARIES",
    "PREFIX",
    "BulkAction",
    "ForStaff",
    "NotNow",
    "NothingToRetry",
    "OtherNumber",
    "Preview",
    "Selection",
    "TooManyJobs",
    "UnderWay",
    "confirm",
    "create",
    "failed_alike",
    "forget_ended",
    "forget_previews",
    "last_retry",
    "pause",
    "preview_of",
    "resume",
    "retry_group",
    "run_batch",
    "stop",
]
