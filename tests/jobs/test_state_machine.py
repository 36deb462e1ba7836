"""Any history of claims, reports, orders, lost leases and repeated requests leads where the contract says."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from jobs.outcomes import Report, judge
from jobs.sweeps import sweep
from jobs.transitions import Step, apply
from tests.factories import PRODUCER, STAFF
from tests.jobs.model import ModelJob
from tests.ledger import actions, assert_sound

HOLDERS = {name: Holder.of(name) for name in ("orch-1", "orch-2")}
_types = count(1)
EXAMPLES, STEPS = (200, 50) if os.environ.get("JOBSITE_TEST_SIZE") == "full" else (60, 40)


@dataclass(frozen=True)
class Request:
    """A report as it was sent, to be sent again."""

    job_id: str
    who: str
    action: str
    epoch: int | None
    variant: int
    retryable: bool

    @property
    def digest(self) -> str:
        return f"{hash((self.job_id, self.who, self.action, self.variant, self.retryable)) & 0xFFFFFFFFFFFF:064x}"


class JobLife(RuleBasedStateMachine):
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.type = f"machine-{next(_types)}"
        self.models: dict[str, ModelJob] = {}
        # Each history in a savepoint that is rolled back: what is left of it can be cleared away, and the next one is as fast as the first.
        self.history = ExitStack()
        self.history.enter_context(transaction.atomic())

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.history.close()

    @initialize(attempts=st.lists(st.integers(1, 3), min_size=2, max_size=3))
    def begin(self, attempts: list[int]) -> None:
        for max_attempts in attempts:
            self.enqueue(max_attempts)

    def enqueue(self, max_attempts: int) -> None:
        (job,) = enqueue([NewJob(type=self.type, max_attempts=max_attempts)], by=PRODUCER)
        self.models[job.id] = ModelJob(max_attempts=max_attempts)

    @rule(who=st.sampled_from(sorted(HOLDERS)), size=st.integers(1, 3))
    def claim(self, who: str, size: int) -> None:
        got = [job.id for job in claim(by=HOLDERS[who], batch_size=size, job_types=[self.type]).jobs]
        waiting = [job_id for job_id, model in self.models.items() if model.status == "queued"]
        assert len(got) == min(size, len(waiting))
        assert set(got) <= set(waiting)
        for job_id in got:
            self.models[job_id].claim(who)
            self.models[job_id].claims.append((who, self.models[job_id].epoch))

    @precondition(lambda self: self.models)
    @rule(
        target=sent,
        pick=st.integers(0, 99),
        stranger=st.sampled_from([False, False, False, True]),
        action=st.sampled_from(["acknowledge", "start", "start", "complete", "fail", "fail", "release", "cancel"]),
        back=st.sampled_from([None, 0, 0, 1]),
        variant=st.integers(1, 2),
        retryable=st.booleans(),
    )
    def report(self, pick: int, stranger: bool, action: str, back: int | None, variant: int, retryable: bool) -> Request:
        # Mostly about a job that is held, mostly by who holds or held it last.
        held = [job_id for job_id in list(self.models) if self.models[job_id].status in ("claimed", "running")]
        among = held if held and pick % 4 else list(self.models)
        job_id = among[pick % len(among)]
        model = self.models[job_id]
        who = model.claims[-1][0] if model.claims else "orch-1"
        if stranger:
            who = next(name for name in HOLDERS if name != who)
        # A token can be sent only for an epoch that this orchestrator was given.
        given = [epoch for holder, epoch in model.claims if holder == who]
        epoch = given[-1 - back] if back is not None and len(given) > back else None
        request = Request(job_id, who, action, epoch, variant, retryable)
        self._send(request)
        return request

    @rule(request=sent)
    def send_again(self, request: Request) -> None:
        self._send(request)

    @precondition(lambda self: self.models)
    @rule(pick=st.integers(0, 99), action=st.sampled_from(["cancel", "retry", "release"]), force=st.booleans())
    def order(self, pick: int, action: str, force: bool) -> None:
        job_id = list(self.models)[pick % len(self.models)]
        (ruling,) = apply([Step(job_id=job_id, action=action, force=force)], by=STAFF)
        assert ruling.verdict == self.models[job_id].order(action, force=force)

    @precondition(lambda self: self.models)
    @rule(pick=st.integers(0, 99))
    def lose_the_lease(self, pick: int) -> None:
        job_id = list(self.models)[pick % len(self.models)]
        model = self.models[job_id]
        if model.status in ("claimed", "running"):
            Job.objects.filter(id=job_id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
            model.expired = True

    @rule()
    def sweep(self) -> None:
        sweep(by=Actor.sweep())
        for model in self.models.values():
            model.sweep()
        # What the sweep queues again waits for its retry; here it need not.
        Job.objects.filter(type=self.type, status="queued").update(scheduled_for=datetime.now(UTC), due=True)

    @invariant()
    def every_job_is_what_the_model_says(self) -> None:
        for job_id, model in self.models.items():
            job = Job.objects.get(id=job_id)
            told = (
                job.status,
                job.epoch,
                job.attempts,
                job.max_attempts,
                job.cancel_requested_at is not None and job.status in ("claimed", "running"),
            )
            cancelling = model.cancelling and model.status in ("claimed", "running")
            assert told == (model.status, model.epoch, model.attempts, model.max_attempts, cancelling)
            assert actions(job) == model.log
            assert_sound(job_id)

    def _send(self, request: Request) -> None:
        signed: dict[str, Any] = {"job_id": request.job_id, "epoch": request.epoch, "digest": request.digest}
        if request.action == "complete":
            step = Step.ending(judge(Report(exit_code=0)), **signed)
        elif request.action in ("fail", "cancel"):
            status = "failed" if request.action == "fail" else "cancelled"
            step = Step.ending(
                judge(Report(status=status, error="x", retryable=request.retryable and status == "failed", retry_after_seconds=0)), **signed
            )
        else:
            step = Step(action=request.action, **signed)
        (ruling,) = apply([step], by=HOLDERS[request.who])
        expected = self.models[request.job_id].report(
            request.who, request.action, epoch=request.epoch, digest=request.digest, retryable=request.retryable
        )
        assert ruling.verdict == expected, request


# The large size takes its time: on PostgreSQL 15 several minutes.
@pytest.mark.timeout(1500)
@pytest.mark.django_db
def test_every_history_leads_where_the_contract_says() -> None:
    run_state_machine_as_test(
        JobLife,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # The small size is the same each time; the large one searches.
            derandomize=os.environ.get("JOBSITE_TEST_SIZE") != "full",
        ),
    )
