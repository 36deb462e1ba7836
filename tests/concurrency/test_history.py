"""The checker of histories objects to every kind of lie, and to nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.models import AuditEntry
from tests.concurrency.history import Heard, Sent, contradictions

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = {
    "claim": ("queued", "claimed"),
    "start": ("claimed", "running"),
    "complete": ("running", "completed"),
    "release": ("running", "queued"),
    "fail": ("running", "failed"),
}


def log_of(*told: tuple[str, str, int, str]) -> list[AuditEntry]:
    """Entries of one job, a second apart, from (action, actor, epoch, request id)."""
    return [entry(place, action, actor, epoch, request_id) for place, (action, actor, epoch, request_id) in enumerate(told, 1)]


def entry(sequence: int, action: str, actor: str, epoch: int, request_id: str) -> AuditEntry:
    source, target = STEPS[action]
    return AuditEntry(
        job_id="job_1",
        sequence=sequence,
        action=action,
        from_status=source,
        to_status=target,
        actor_kind="orchestrator" if actor.startswith("orch") else "sweep",
        actor=actor,
        epoch=epoch,
        request_id=request_id,
        at=BEGAN + timedelta(seconds=sequence),
    )


def said(request_id: str, verb: str, *, by: str = "orch-1", epoch: int = 1, heard: Heard = Heard.ACCEPTED) -> Sent:
    return Sent(request_id=request_id, orchestrator_id=by, job_id="job_1", verb=verb, epoch=epoch, heard=heard)


HONEST_SENT = [said("a", "claim"), said("b", "start"), said("c", "complete")]
HONEST_LOG = [("claim", "orch-1", 1, "a"), ("start", "orch-1", 1, "b"), ("complete", "orch-1", 1, "c")]
SWEPT_LOG = [("claim", "orch-1", 1, "a"), ("start", "orch-1", 1, "b"), ("release", "sweep", 1, "s"), ("claim", "orch-1", 2, "d")]


def test_an_honest_history_has_no_contradictions() -> None:
    assert contradictions(HONEST_SENT, log_of(*HONEST_LOG)) == []


def test_a_replay_and_an_answer_that_was_lost_are_no_contradictions() -> None:
    sent = [*HONEST_SENT[:1], said("b", "start", heard=Heard.UNKNOWN), said("c", "complete"), said("e", "complete", heard=Heard.REPLAYED)]

    assert contradictions(sent, log_of(*HONEST_LOG)) == []


def test_a_refused_report_that_left_nothing_but_a_late_report_is_no_contradiction() -> None:
    late = entry(4, "complete", "orch-1", 1, "z")
    late.action = "late_report"

    assert contradictions([*HONEST_SENT, said("z", "fail", heard=Heard.REFUSED)], [*log_of(*HONEST_LOG), late]) == []


LIES: dict[str, tuple[list[Sent], list[tuple[str, str, int, str]], str]] = {
    # The chain is perfect: the dead holder's completion stands as the new holder's.
    "an old epoch that was let in": (
        [*HONEST_SENT[:2], said("d", "claim", epoch=2), said("z", "start", epoch=1)],
        [*SWEPT_LOG, ("start", "orch-1", 2, "z")],
        "was let into epoch 2",
    ),
    "another orchestrator that was let in": (
        [*HONEST_SENT[:2], said("z", "complete", by="orch-2")],
        [*HONEST_LOG[:2], ("complete", "orch-1", 1, "z")],
        "was let into epoch 1 of orch-1",
    ),
    "an entry of an epoch that was over": (
        [*HONEST_SENT[:2], said("z", "complete")],
        [*SWEPT_LOG[:3], ("complete", "orch-1", 1, "z")],
        "did not hold epoch 1 then",
    ),
    "an acknowledged report that is lost": (HONEST_SENT, HONEST_LOG[:2], "written 0 times"),
    "a report that was written twice": (HONEST_SENT, [*HONEST_LOG, ("complete", "orch-1", 1, "c")], "written 2 times"),
    "a replay of what never was": ([*HONEST_SENT[:2], said("e", "complete", heard=Heard.REPLAYED)], HONEST_LOG[:2], "written 0 times"),
    "a refused report that was written": ([*HONEST_SENT[:2], replace(HONEST_SENT[2], heard=Heard.REFUSED)], HONEST_LOG, "refused, yet"),
    "an unanswered report under another epoch": (
        [*HONEST_SENT[:2], said("d", "claim", epoch=2), said("z", "start", epoch=1, heard=Heard.UNKNOWN)],
        [*SWEPT_LOG, ("start", "orch-1", 2, "z")],
        "was let into epoch 2",
    ),
    "an entry that nobody asked for": (HONEST_SENT[:2], HONEST_LOG, "nobody asked for it"),
    "a job that was handed out twice": ([*HONEST_SENT, said("a2", "claim", by="orch-2")], HONEST_LOG, "handed out 2 times"),
    "a claim that is not in the log": (HONEST_SENT, HONEST_LOG[1:], "written 0 times"),
}


@pytest.mark.parametrize(("sent", "told", "objection"), LIES.values(), ids=LIES.keys())
def test_it_objects_to(sent: list[Sent], told: list[tuple[str, str, int, str]], objection: str) -> None:
    assert any(objection in fault for fault in contradictions(sent, log_of(*told)))


@pytest.mark.parametrize(("lapse_after_seconds", "objections"), [(2.5, 1), (3.5, 0)])
def test_it_objects_to_a_report_after_its_lease_has_run_out(lapse_after_seconds: float, objections: int) -> None:
    lapses: dict[Any, datetime] = {("job_1", 1): BEGAN + timedelta(seconds=lapse_after_seconds)}

    found = contradictions(HONEST_SENT, log_of(*HONEST_LOG), lapses)

    assert len([fault for fault in found if "had run out" in fault]) == objections
