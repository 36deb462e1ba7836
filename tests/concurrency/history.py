"""What clients saw against what the audit log says: finds reports of the dead that were let in, even where every chain is perfect.

The chain alone can't tell: with the epoch out of the fence, an old holder's report is written down as the new holder's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobs.models import AuditEntry
from tests.concurrency.caller import Answer

Lapses = Mapping[tuple[str, int], datetime]


class Heard(StrEnum):
    ACCEPTED = "accepted"
    REPLAYED = "replayed"  # accepted, as something that had been done before
    REFUSED = "refused"
    UNKNOWN = "unknown"  # some try had no answer, and the last was no acceptance


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One report about one job, or one job of a claim's answer, as its sender saw it.

    Attributes:
        verb: `claim`, or the action that it asks for.
        epoch: of the claim that it speaks for.
    """

    request_id: str
    orchestrator_id: str
    job_id: str
    verb: str
    epoch: int
    heard: Heard


def heard_in(answer: Answer) -> Heard:
    """What an answer tells the sender."""
    if answer.is_accepted:
        return Heard.REPLAYED if answer.is_replay else Heard.ACCEPTED
    return Heard.UNKNOWN if answer.in_doubt else Heard.REFUSED


def contradictions(sent: Iterable[Sent], log: Iterable[AuditEntry], lapses: Lapses | None = None) -> list[str]:
    """Everything in which clients and log disagree, and every report that was let in outside its own lease.

    Args:
        sent: the complete history of all orchestrators.
        log: the complete audit log.
        lapses: when leases ended that a test has made to run out, by job and epoch.

    Returns:
        A sentence for each; none when all is well.
    """
    sent = list(sent)
    entries = sorted((entry for entry in log if entry.action != "late_report"), key=lambda entry: (entry.job_id, entry.sequence))
    return [*_double_claims(sent), *_misheard(sent, entries), *_unasked(sent, entries), *_outside_lease(entries, lapses or {})]


def _double_claims(sent: list[Sent]) -> list[str]:
    handed = Counter((each.job_id, each.epoch) for each in sent if each.verb == "claim")
    return [f"{job_id}, epoch {epoch}, was handed out {times} times" for (job_id, epoch), times in handed.items() if times > 1]


def _misheard(sent: list[Sent], entries: list[AuditEntry]) -> list[str]:
    of_job: dict[str | None, list[AuditEntry]] = defaultdict(list)
    for entry in entries:
        of_job[entry.job_id].append(entry)
    return [f"{each}: {fault}" for each in sent if (fault := _fault(each, of_job[each.job_id]))]


def _fault(each: Sent, of_job: list[AuditEntry]) -> str | None:
    written = [entry for entry in of_job if entry.request_id == each.request_id]
    own = [entry for entry in written if entry.actor_kind == "orchestrator"]
    if each.heard is Heard.REFUSED:
        return f"refused, yet {own[0]} was written" if own else None
    for entry in own:
        if (entry.epoch, entry.actor) != (each.epoch, each.orchestrator_id):
            return f"was let into epoch {entry.epoch} of {entry.actor}"
    if each.heard is Heard.UNKNOWN:
        return None
    # A replay of another request stands under that one's id.
    told = of_job if each.heard is Heard.REPLAYED else written
    done = [entry for entry in told if (entry.action, entry.epoch, entry.actor) == (each.verb, each.epoch, each.orchestrator_id)]
    return None if len(done) == 1 else f"acknowledged, and written {len(done)} times"


def _unasked(sent: list[Sent], entries: list[AuditEntry]) -> list[str]:
    asked = {(each.request_id, each.job_id) for each in sent}
    # (A claim whose answer nobody got may stand in the log alone.)
    by_orchestrators = [entry for entry in entries if entry.actor_kind == "orchestrator" and entry.action != "claim"]
    return [f"{entry}: nobody asked for it" for entry in by_orchestrators if (entry.request_id, entry.job_id) not in asked]


def _outside_lease(entries: list[AuditEntry], lapses: Lapses) -> list[str]:
    found = []
    holders: dict[str | None, tuple[int | None, str] | None] = {}
    for entry in entries:
        if entry.action == "claim":
            holders[entry.job_id] = (entry.epoch, entry.actor)
        elif entry.actor_kind == "orchestrator":
            if holders.get(entry.job_id) != (entry.epoch, entry.actor):
                found.append(f"{entry}: {entry.actor} did not hold epoch {entry.epoch} then")
            lapse = lapses.get((entry.job_id or "", entry.epoch or 0))
            if lapse is not None and entry.at > lapse:
                found.append(f"{entry}: at {entry.at} the lease had run out, at {lapse}")
        if entry.to_status not in ("claimed", "running"):
            holders[entry.job_id] = None
    return found
