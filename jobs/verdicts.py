"""What became of an act on a job, in words for people: the same on the pages, in bulk operations and in commands."""

from dataclasses import dataclass

from jobs.transitions import Ruling

NO_SUCH_JOB = "no such job"
# What an act has done to a job, by its name in the audit log.
PAST = {
    "retry": "retried",
    "cancel": "cancelled",
    "release": "released",
    "cancel_request": "asked to cancel",
    "edit": "edited",
    "fail": "failed",
}
_OBSTACLES = {"unchanged": "already asked to cancel", "key_taken": "another job has the unique key"}


@dataclass(frozen=True)
class Verdict:
    """
    Attributes:
        changed: the job was changed; else it was passed over.
        words: what was done, or why not.
    """

    changed: bool
    words: str


def verdict_on(ruling: Ruling) -> Verdict:
    """What the door's ruling on an act of staff or a producer comes to."""
    if ruling.verdict == "applied":
        return Verdict(True, PAST.get(ruling.act or "", ruling.act or ""))
    if ruling.was is None:
        return Verdict(False, NO_SUCH_JOB)
    if ruling.verdict == "invalid_transition":
        return Verdict(False, f"already {ruling.was}")
    return Verdict(False, _OBSTACLES.get(ruling.verdict, "changed meanwhile"))
