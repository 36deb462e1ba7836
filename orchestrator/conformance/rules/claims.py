"""Getting jobs: each once, none lost, no faster than asked."""

from collections.abc import Iterator

from orchestrator.conformance.judging import NotSeen, rule
from orchestrator.conformance.record import Record
from orchestrator.conformance.rules.plain import plain
from orchestrator.conformance.site.clock import read
from orchestrator.conformance.site.jobs import Job
from orchestrator.conformance.site.requests import Exchange
from orchestrator.conformance.stage import Stage, on, scenario

POLL_PAUSE_SECONDS = 2.0
# A clock is read on both sides, and a timer may be early by a tick.
TOLERANCE_SECONDS = 0.1


@scenario("The orchestrator is told at first contact that it holds a running job, of an earlier life.")
def left_behind(stage: Stage) -> None:
    # The stage has put it there before anybody could speak: see `play`.
    job = stage.cast["left-behind"]
    if stage.until(lambda: job.accepted):
        # Given back, it comes round once more.
        stage.until(lambda: job.completed_at)
    stage.clear(job)


@rule(
    "settles-orphans",
    left_behind,
    section=3,
    demand="At the start, ask what you still hold (GET /jobs/orphaned), and release, fail or resume it.",
    mend="Before the first claim, GET /jobs/orphaned, and settle each job of the list with the token of its lease.",
)
def settles_orphans(record: Record) -> Iterator[str]:
    job = record.jobs["left-behind"]
    if not job.holders:
        raise NotSeen("the orchestrator never said who it is")
    if not record.said_of(job):
        asked = [each for each in record.asked("orphaned") if job.id in [held["id"] for held in each.told or ()]]
        seen = f"{record.name(asked[0])} listed {job.id}" if asked else "GET /jobs/orphaned was never asked"
        yield f"{seen}, and in {record.patience_seconds:g} s nothing was reported of the job"


@rule(
    "answers-a-claim-in-time",
    plain,
    section=3,
    demand="Acknowledge, start or give back each claimed job before the claim's lease ends.",
    mend="Claim no more than there is room for, and acknowledge what can't begin at once.",
)
def answers_a_claim_in_time(record: Record) -> Iterator[str]:
    handed = record.handed()
    if not handed:
        raise NotSeen("no job was claimed")
    for job, token, exchange in handed:
        seconds = _lease_seconds(exchange, job)
        if not _is_answered(record, job, token, until=exchange.answered_at + seconds):
            yield f"{job.id}, claimed by {record.name(exchange)}, was not answered within its lease of {seconds:.0f} s"


@scenario("The answer of a claim is lost on its way, after the job was handed out.")
def lost_claim(stage: Stage) -> None:
    job = stage.enqueue("lost-claim", "ok", on("claim", "lost"))
    stage.until(lambda: job.accepted, seconds=stage.site.lengths.claimed)
    stage.until_settled(job)


@rule(
    "recovers-a-lost-claim",
    lost_claim,
    section=3,
    demand="After a claim without an answer, get its jobs all the same: by the same claimId, or from GET /jobs/orphaned.",
    mend="Give each claim a claimId, and send the same one until there is an answer.",
)
def recovers_a_lost_claim(record: Record) -> Iterator[str]:
    job = record.jobs["lost-claim"]
    found = next(((claim, each) for claim in record.claims() if claim.lost for each in claim.handed if each["id"] == job.id), None)
    if found is None:
        raise NotSeen("the job was never claimed")
    lost, token = found[0], found[1]["lease"]["token"]
    if not _is_answered(record, job, token, until=lost.answered_at + _lease_seconds(lost, job)):
        claim_id = (lost.request.claim or {}).get("claimId")
        ids = [(each.request.claim or {}).get("claimId") for each in record.claims() if each.request.at > lost.request.at]
        way = "had no claimId" if not claim_id else "was not sent again with its claimId" if claim_id not in ids else "was sent again"
        yield f"{record.name(lost)} got no answer and {way}; nothing was reported of {job.id} within its lease"


@scenario("A job is handed out again while it is held, and once more when it has ended.")
def handed_twice(stage: Stage) -> None:
    # Before the first report on it is taken: whoever only looks from time to time may find a short job ended already.
    job = stage.enqueue("handed-twice", "ok", on("", "none", first=lambda job: _hand_again(stage, job)))
    if stage.until(lambda: job.completed_at):
        _hand_again(stage, job)
    stage.until(lambda: not stage.site.handed_again)
    stage.watch(1.5)
    stage.until_settled(job)


@rule(
    "runs-a-job-once",
    handed_twice,
    section=3,
    demand="Run a job once for one lease token, however often it is handed out.",
    mend="Know running jobs by lease token, and obey the 409 that a start of an ended one gets.",
)
def runs_a_job_once(record: Record) -> Iterator[str]:
    job = record.jobs["handed-twice"]
    if sum(each is job for each, _, _ in record.handed()) < 2:
        raise NotSeen("the job was not claimed, or no claim came after it")
    ends = record.said_of(job, "end")
    for said in ends[1:]:
        if any(earlier.status == 200 and earlier.at < said.at for earlier in ends):
            yield f"{record.name(said)} reported an end of {job.id}, which had been reported and answered"
    for beat in record.asked("heartbeat"):
        named = [each.get("jobId") for each in beat.request.fields.get("runningJobs") or () if isinstance(each, dict)]
        if named.count(job.id) > 1:
            yield f"{record.name(beat)} named {job.id} twice"


@scenario("The queue is closed: claims get an empty answer at once, with a reason and a time for the next poll.")
def closed(stage: Stage) -> None:
    site = stage.site
    with site.changed:
        seen = len(site.exchanges)
        site.closed_because, pause, site.pause_seconds = "drained", site.pause_seconds, POLL_PAUSE_SECONDS
        site.changed.notify_all()

    def asked_again() -> bool:
        claims = [exchange for exchange in site.exchanges[seen:] if exchange.request.claim is not None]
        told = [exchange.answered_at for exchange in site.exchanges if exchange.reason]
        return bool(told) and any(each.request.at > told[0] for each in claims)

    stage.until(asked_again)
    with site.changed:
        site.closed_because, site.pause_seconds = None, pause


@rule(
    "keeps-the-poll-pause",
    closed,
    section=3,
    demand="After an empty answer, claim again no earlier than metadata.nextPollAfter.",
    mend="Wait nextPollAfter minus timestamp, which are both the server's times, before the next claim.",
)
def keeps_the_poll_pause(record: Record) -> Iterator[str]:
    claims = record.claims()
    closed = [each for each in claims if each.reason]
    if not closed:
        raise NotSeen("nothing was claimed while the queue was closed")
    for told in closed:
        asked = (read(told.told["metadata"]["nextPollAfter"]) - read(told.told["metadata"]["timestamp"])).total_seconds()
        later = next((each for each in claims if each.request.at > told.answered_at), None)
        if later is not None and later.request.at - told.answered_at < asked - TOLERANCE_SECONDS:
            pause = later.request.at - told.answered_at
            yield f"{record.name(later)} came {pause:.1f} s after an empty answer that asked for {asked:.1f} s"


@scenario("A job comes of a type and with a payload that nobody has heard of, and then an ordinary one.")
def unknown(stage: Stage) -> None:
    strange = stage.enqueue("unknown", "unknown", type="conformance-unknown")
    after = stage.enqueue("after-unknown", "ok")
    stage.until_settled(after)
    stage.until_settled(strange, seconds=0.0 if strange.status == "queued" else None)


@rule(
    "survives-the-unknown",
    unknown,
    section=1,
    demand="Pass over keys that you don't know, fail jobs that you can't run, and go on.",
    mend="Report a payload that can't be run as failed, category configuration, and let nothing in an answer end the program.",
)
def survives_the_unknown(record: Record) -> Iterator[str]:
    strange, after = record.jobs["unknown"], record.jobs["after-unknown"]
    if not record.said_of(after, "end"):
        yield f"{after.id}, an ordinary job after an unknown one, was never reported"
    ends = record.said_of(strange, "end")
    if strange.holders and not ends and not record.said_of(strange, "release"):
        yield f"{strange.id}, of an unknown type, was claimed and then neither failed nor released"
    for said in ends:
        if said.report.verdict[0] == "completed":
            yield f"{record.name(said)} reported a job completed whose payload nobody can run"


def _hand_again(stage: Stage, job: Job) -> None:
    """Let the next claim be answered with the job as it was handed out, whoever holds it and whether it has ended."""
    with stage.site.changed:
        stage.site.handed_again.append([each for exchange in stage.site.exchanges for each in exchange.handed if each["id"] == job.id][:1])


def _lease_seconds(claim: Exchange, job: Job) -> float:
    told = claim.told or claim.lost
    lease = next(each["lease"] for each in claim.handed if each["id"] == job.id)
    # Both are the server's times, so that a clock that is moved in between does not matter.
    return (read(lease["expiresAt"]) - read(told["metadata"]["timestamp"])).total_seconds()


def _is_answered(record: Record, job: Job, token: str, *, until: float) -> bool:
    return any(said.report.lease_token in (token, None) and said.at <= until for said in record.said_of(job))


RULES = (settles_orphans, answers_a_claim_in_time, recovers_a_lost_claim, runs_a_job_once, keeps_the_poll_pause, survives_the_unknown)
