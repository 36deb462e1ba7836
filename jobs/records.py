"""Acts on what is no job, written into the audit log beside the jobs' own changes."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from jobs import statements
from jobs.actors import Actor


class SiteAct(StrEnum):
    ISSUE = "issue"
    REVOKE = "revoke"
    PAUSE = "pause"
    DRAIN = "drain"
    DISABLE = "disable"
    RESUME = "resume"
    TAKE_BACK = "take_back"
    CONFIGURE = "configure"
    ROTATE = "rotate"
    SWEEP = "sweep"
    CREATE = "create"
    CONFIRM = "confirm"
    STOP = "stop"
    FINISH = "finish"
    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    REGRESS = "regress"
    RETRY = "retry"
    WAKE = "wake"
    REGROUP = "regroup"
    PRUNE = "prune"
    ENABLE = "enable"
    TEST = "test"
    REDELIVER = "redeliver"
    DISCARD = "discard"


def record(
    act: SiteAct, *, subject_type: str, subject_id: str, by: Actor, reason: str | None = None, detail: Mapping[str, Any] | None = None
) -> None:
    """Writes one entry. To be called in the transaction of the act itself, so that the one is never without the other.

    Args:
        act: what was done.
        subject_type: of what kind the thing is: `token`, `lease_key`, `orchestrator`, `type`, `site`, `sweep`, `bulk_operation`,
            `failure_group` or `webhook`.
        subject_id: which one.
        detail: what else a reader needs to know. No secrets: what stands in the log stays there.
    """
    statements.run(
        "record",
        subject_type=subject_type,
        subject_id=subject_id,
        action=act,
        actor_kind=by.kind,
        actor=by.name,
        reason=reason,
        request_id=by.request_id,
        detail=json.dumps(detail) if detail is not None else None,
    )
