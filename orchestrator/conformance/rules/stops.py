"""Being heard of while work goes on, and stopping: when a job is cancelled, is lost, or the orchestrator itself must go."""

import itertools
from collections.abc import Iterator

from orchestrator.conformance.judging import NotApplicable, NotSeen, rule
from orchestrator.conformance.record import Record, named_in
from orchestrator.conformance.site.jobs import Job
from orchestrator.conformance.stage import Stage, scenario, tells

# What was on its way when the word came.
IN_FLIGHT_SECONDS = 1.0
DRAIN_SECONDS = 30.0


@scenario("A job runs for several heartbeats, and is then given to somebody else.")
def long(stage: Stage) -> None:
    job = stage.enqueue("long", "slow")
    if stage.until(lambda: job.started_at or job.completed_at):
        stage.watch(2.6 * stage.heartbeat_seconds)
        stage.mark("given-away")
        stage.site.hand_to(job)
        stage.until(lambda: stage.was_told(job, "abandon"))
        stage.watch(IN_FLIGHT_SECONDS + 1.2 * stage.heartbeat_seconds)
    stage.clear(job)
    stage.until_settled(stage.enqueue("after-long", "ok"))


@rule(
    "beats-in-time",
    long,
    section=6,
    demand="Name each running job in a heartbeat as often as heartbeatSeconds of its lease says.",
    mend="POST /orchestrator/heartbeat from a thread or timer of its own, with {jobId, leaseToken} of each running job.",
)
def beats_in_time(record: Record) -> Iterator[str]:
    job = record.jobs["long"]
    started = [said.answered_at for said in record.said_of(job, "start") if said.status == 200]
    if not started or "given-away" not in record.marks:
        raise NotSeen("the job never began")
    kept = [beat.request.at for beat in record.asked("heartbeat") if job.id in named_in(beat)]
    kept += [said.at for said in record.said_of(job, "renew")]
    lost = record.marks["given-away"]
    moments = [started[0], *sorted(moment for moment in kept if started[0] < moment < lost), lost]
    longest = 1.5 * record.heartbeat_seconds + 0.5
    for earlier, later in itertools.pairwise(moments):
        if later - earlier > longest:
            yield (
                f"{job.id} ran from {record.when(started[0])}, and was named by no heartbeat from {record.when(earlier)} to "
                f"{record.when(later)}; every {record.heartbeat_seconds} s was asked for"
            )


@rule(
    "stops-on-abandon",
    long,
    section=4,
    demand="Stop a job's work when told to abandon it, and say nothing more of it.",
    mend="Obey `abandon` of a heartbeat's answer and nextAction of any other, errors too: kill the work, forget the job.",
)
def stops_on_abandon(record: Record) -> Iterator[str]:
    job = record.jobs["long"]
    told = _told_at(record, job, "abandon")
    if told is None:
        raise NotSeen("the orchestrator was never told to abandon the job: it neither beat nor reported while it ran")
    for said in record.said_of(job, "acknowledge", "prepare", "start", "renew", "release", "end"):
        # The job does not end by itself: an end that is told after the word is told because of it.
        on_its_way = 0.0 if said.report.meaning in ("end", "release") else IN_FLIGHT_SECONDS
        if said.at > told + on_its_way:
            yield f"{record.name(said)} came {said.at - told:.1f} s after the word to abandon {job.id}"
    for beat in record.asked("heartbeat"):
        if beat.request.at > told + IN_FLIGHT_SECONDS and job.id in named_in(beat):
            yield f"{record.name(beat)} still named {job.id}, to be abandoned since {record.when(told)}"
    if not record.said_of(record.jobs["after-long"], "end"):
        yield f"{record.jobs['after-long'].id}, a job after the abandoned one, was never reported"


@scenario("A cancel comes in the moment of a claim; another one in the middle of a run.")
def cancelled(stage: Stage) -> None:
    early = stage.enqueue("cancelled-early", "slow", cancel_when_claimed=True)
    _wait_for_cancel(stage, early)
    late = stage.enqueue("cancelled-late", "slow")
    if stage.until(lambda: late.started_at):
        stage.site.request_cancel(late)
        _wait_for_cancel(stage, late)
    stage.clear(early, late)


@rule(
    "obeys-a-cancel",
    cancelled,
    section=5,
    demand="Stop a job's work when a cancel was requested, and report `cancelled`.",
    mend="Obey `cancel` of a heartbeat's answer and nextAction of any other: stop the work, then complete with status `cancelled`.",
)
def obeys_a_cancel(record: Record) -> Iterator[str]:
    told = {part: _told_at(record, record.jobs[part], "cancel") for part in ("cancelled-early", "cancelled-late") if part in record.jobs}
    if not any(told.values()):
        raise NotSeen("the orchestrator was never told of a cancel: it neither beat nor reported while the job ran")
    for part, moment in told.items():
        job = record.jobs[part]
        ends = record.said_of(job, "end", "release")
        if moment is None:
            continue
        if not ends:
            yield f"{job.id} was to be cancelled from {record.when(moment)} on, and no end came in {record.patience_seconds:g} s"
        for said in ends[:1]:
            if said.report.meaning == "end" and said.report.verdict[0] != "cancelled":
                yield f"{record.name(said)} said {said.report.verdict[0]} of a job that was to be cancelled"
            elif said.at - moment > record.patience_seconds:
                yield f"{record.name(said)} came {said.at - moment:.1f} s after the word to cancel"


@rule(
    "stays-up",
    cancelled,
    section=1,
    demand="Go on, whatever an answer says, and also when none comes.",
    mend="Catch what one job or one call fails of, log it, and claim the next one.",
)
def stays_up(record: Record) -> Iterator[str]:
    if record.falls is None:
        raise NotApplicable("the kit did not start the orchestrator; with --exec it sees when it ends")
    yield from record.falls


@scenario("The orchestrator gets SIGTERM in the middle of a run.")
def terminated(stage: Stage) -> None:
    if stage.program is None:
        return
    job = stage.enqueue("running-at-the-end", "slow")
    if stage.until(lambda: job.started_at):
        stage.mark("terminated")
        stage.program.terminate()
        if stage.program.wait(DRAIN_SECONDS):
            stage.mark("gone")


@rule(
    "drains-on-sigterm",
    terminated,
    section=3,
    demand="On SIGTERM claim no more, finish or release what is running, and end.",
    mend="Stop claiming at once; POST /jobs/{id}/release what can't be finished in time, and exit.",
)
def drains_on_sigterm(record: Record) -> Iterator[str]:
    job = record.jobs.get("running-at-the-end")
    if job is None:
        raise NotApplicable("the kit did not start the orchestrator; with --exec it can stop it")
    stopped = record.marks.get("terminated")
    if stopped is None:
        raise NotSeen("the job never began")
    if "gone" not in record.marks:
        yield f"it was still there {DRAIN_SECONDS:g} s after SIGTERM at {record.when(stopped)}"
    if not any(said.status == 200 for said in record.said_of(job, "end", "release") if said.at > stopped):
        yield f"{job.id} was running at SIGTERM, and was neither released nor reported to its end"
    for claim in record.claims():
        if claim.request.at > stopped + IN_FLIGHT_SECONDS:
            yield f"{record.name(claim)} came {claim.request.at - stopped:.1f} s after SIGTERM"


def _wait_for_cancel(stage: Stage, job: Job) -> None:
    # In its own time each: to hear of it, and then to obey.
    if stage.until(lambda: stage.was_told(job, "cancel")):
        stage.until(lambda: job.completed_at)
    stage.site.end_by_force(job, "cancelled")


def _told_at(record: Record, job: Job, word: str) -> float | None:
    return next((exchange.answered_at for exchange in record.exchanges if tells(exchange, job.id, word)), None)


RULES = (beats_in_time, stops_on_abandon, obeys_a_cancel, stays_up, drains_on_sigterm)
