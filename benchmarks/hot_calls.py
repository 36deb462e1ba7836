"""The calls that a busy site makes all the time, each ready to be made once in a database filled by `seeding`."""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.utils import timezone

from benchmarks import seeding

BATCH = 100
Call = Callable[[], object]


def hot_calls(*, among: int) -> dict[str, Callable[[], Call]]:
    """What makes each ready, and returns the call itself. To be undone: within a transaction that is rolled back.

    Args:
        among: how many types share the jobs.
    """
    from jobs import (
        blockers,
        bulk,
        claiming,
        events,
        failure_groups,
        folding,
        job_types,
        leases,
        progress,
        retention,
        rollup,
        scheduling,
        sweeps,
        timing,
    )
    from jobs.actors import Actor, Holder
    from jobs.enqueueing import NewJob, enqueue
    from jobs.models import Job
    from jobs.outcomes import Report, judge
    from jobs.progress import Note
    from jobs.transitions import Step, apply

    holder, producer, sweeper = Holder.of("orchestrator"), Actor.producer("producer"), Actor.sweep()
    some = seeding.types(among)[:: max(1, among // 20)]
    outcome = judge(Report(exit_code=0, output="128 rows imported"))
    failure = judge(Report(error="it broke"))

    def held() -> Sequence[Job]:
        return claiming.claim(by=holder, batch_size=BATCH, claim_id="c-1").jobs

    def running() -> Sequence[Job]:
        jobs = held()
        apply([Step(job_id=job.id, action="start", epoch=job.epoch) for job in jobs], by=holder)
        return jobs

    def claim(types: Sequence[str] | None, batch: int = BATCH, labels: Sequence[str] | None = None) -> Callable[[], Call]:
        return lambda: lambda: claiming.claim(by=holder, batch_size=batch, job_types=types, labels=labels)

    def report(jobs: Callable[[], Sequence[Job]], step: Callable[[Job], Step]) -> Callable[[], Call]:
        def ready() -> Call:
            steps = [step(job) for job in jobs()]
            return lambda: apply(steps, by=holder)

        return ready

    def claim_limited() -> Call:
        held()
        for name in some:
            job_types.configure(name, by=Actor.user("staff"), reason="a limit", concurrency_limit=BATCH // len(some))
        return lambda: claiming.claim(by=holder, batch_size=BATCH, job_types=some)

    def claim_again() -> Call:
        held()
        return held

    def come_due() -> Call:
        enqueue([NewJob(type="later", scheduled_for=timezone.now() + timedelta(hours=1)) for _ in range(BATCH)], by=producer)
        ids = [
            job.id
            for job in enqueue([NewJob(type="soon", scheduled_for=timezone.now() + timedelta(hours=1)) for _ in range(BATCH)], by=producer)
        ]
        Job.objects.filter(id__in=ids).update(scheduled_for=timezone.now())
        return scheduling.let_come_due

    def note_progress() -> Call:
        notes = [(Step(job_id=job.id, action="hold", epoch=job.epoch), Note(progress=40)) for job in running()]
        return lambda: progress.report(notes, by=holder)

    def heartbeat() -> Call:
        pulse = leases.Pulse(named=[{"job_id": job.id, "epoch": job.epoch} for job in running()])
        return lambda: leases.heartbeat(pulse, by=holder)

    def renew() -> Call:
        job = running()[0]
        return lambda: leases.renew(job.id, by=holder, epoch=job.epoch)

    def sweep() -> Call:
        lost = [job.id for job in held()[:10]]
        Job.objects.filter(id__in=lost).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
        return lambda: sweeps.sweep(by=sweeper)

    def sweep_poison() -> Call:
        # Runs that are lost once too often, and cancels that nobody obeyed: what is told of them is looked up.
        ids = [job.id for job in running()[:20]]
        apply([Step(job_id=job_id, action="cancel") for job_id in ids[::2]], by=producer)
        past = timezone.now() - timedelta(minutes=2)
        Job.objects.filter(id__in=ids).update(lease_expires_at=past, lease_losses=[past, past])
        Job.objects.filter(id__in=ids[::2]).update(cancel_requested_at=past)
        return lambda: sweeps.sweep(by=sweeper, force=True)

    def count_stuck() -> Call:
        sweep()
        return sweeps.stuck

    def cancels() -> Call:
        # Its holder is told of half of them by name, of the others besides.
        jobs = running()
        apply([Step(job_id=job.id, action="cancel") for job in jobs], by=producer)
        pulse = leases.Pulse(named=[{"job_id": job.id, "epoch": job.epoch} for job in jobs[::2]])
        return lambda: leases.heartbeat(pulse, by=holder)

    def orphaned() -> Call:
        held()
        return lambda: list(Job.objects.held_by(holder.name).order_by("claimed_at", "id"))

    def why() -> Call:
        # It is counted for each way to ask, not for each who asks.
        for number in range(5):
            claiming.claim(by=Holder.of(f"orchestrator-{number}"), batch_size=1, job_types=some)
        (last,) = enqueue([NewJob(type=some[0], priority=0)], by=producer)
        return lambda: blockers.look(last.id)

    def bulk_batch() -> Call:
        ids = list(Job.objects.filter(due=True).values_list("id", flat=True)[:BATCH])
        operation = bulk.create("cancel", bulk.Selection(ids=ids), by=producer)
        bulk.confirm(operation.id, by=producer, reason="to see what it reads")
        return bulk.run_batch

    def fold() -> Call:
        # The first time it only makes its place.
        rollup.fold()
        return lambda: folding.fold(rollup.FOLD, "rollup", most=BATCH)

    def prune() -> Call:
        ended = timedelta(0)
        periods = retention.Periods(completed=ended, failed=ended, logs=ended)
        return lambda: retention.prune(periods, by=sweeper, limit=BATCH, batch_size=BATCH)

    def enqueue_keyed() -> Call:
        return lambda: enqueue([NewJob(type="type-0", unique_key=f"key-{number}") for number in range(BATCH)], by=producer)

    return {
        "claim, any type": claim(None),
        "claim, one type": claim(some[:1]),
        "claim, 20 types": claim(some),
        "claim, a rare type": claim([seeding.RARE], 10),
        "claim, with labels": claim(None, labels=seeding.LABELS),
        "claim, types with a limit": claim_limited,
        "claim, asked again": claim_again,
        "come due": come_due,
        "is anything due": lambda: lambda: claiming.is_anything_due(some),
        # (Asked by somebody new each time: of a long queue the size is remembered for a moment.)
        "queue size": lambda: lambda: claiming.queue_size(some[:1], by=Holder.of(secrets.token_hex(8))),
        "start": report(held, lambda job: Step(job_id=job.id, action="start", epoch=job.epoch)),
        "complete": report(running, lambda job: Step.ending(outcome, job_id=job.id, epoch=job.epoch)),
        "complete at once": report(held, lambda job: Step.ending(outcome, job_id=job.id, epoch=job.epoch)),
        "fail": report(running, lambda job: Step.ending(failure, job_id=job.id, epoch=job.epoch)),
        "release": report(held, lambda job: Step(job_id=job.id, action="release", epoch=job.epoch)),
        "progress": note_progress,
        "heartbeat": heartbeat,
        "renew": renew,
        "sweep": sweep,
        "sweep, poison and cancels": sweep_poison,
        "count of what is stuck": count_stuck,
        "heartbeat, told of cancels": cancels,
        "bulk batch": bulk_batch,
        "orphaned": orphaned,
        "enqueue": lambda: lambda: enqueue([NewJob(type="type-0") for _ in range(BATCH)], by=producer),
        "enqueue, each with its key": enqueue_keyed,
        "fold failures": lambda: failure_groups.fold,
        "events": lambda: lambda: events.after(events.Place.read("0"), limit=BATCH, most_bytes=1_000_000),
        "why": why,
        "history": lambda: lambda: events.history("job_" + "1".zfill(26), after=-1, limit=BATCH, most_bytes=1_000_000),
        "timing": lambda: lambda: timing.of("job_" + "1".zfill(26), now=timezone.now()),
        "fold": fold,
        "prune": prune,
    }
