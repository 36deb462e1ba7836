"""Bulk operations: one act on many jobs, shown first, confirmed with a reason, and carried out a batch at a time."""

from jobs.bulk.actions import ACTIONS, BulkAction
from jobs.bulk.operations import PREFIX, ForStaff, NotNow, confirm, create, forget_previews, pause, resume, stop
from jobs.bulk.running import BATCH, run_batch
from jobs.bulk.selection import MOST, Preview, Selection, TooManyJobs, preview_of

__all__ = [
    "ACTIONS",
    "BATCH",
    "MOST",
    "PREFIX",
    "BulkAction",
    "ForStaff",
    "NotNow",
    "Preview",
    "Selection",
    "TooManyJobs",
    "confirm",
    "create",
    "forget_previews",
    "pause",
    "preview_of",
    "resume",
    "run_batch",
    "stop",
]
