"""When no answer comes, or one that says later, or no."""

from collections.abc import Iterator

from orchestrator.conformance.judging import NotSeen, rule
from orchestrator.conformance.record import Record, Saying, sayings_of
from orchestrator.conformance.site.faults import Fault
from orchestrator.conformance.site.requests import Exchange
from orchestrator.conformance.stage import Stage, on, scenario

RETRY_AFTER_SECONDS = 2
OUTAGE_SECONDS = 3.0
TOLERANCE_SECONDS = 0.05
PROXY_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_ASKED_AGAIN = (408, 425, 429, 500, 502, 503, 504)


@scenario("The answer to one job's start is lost, and that to another one's end, after both took effect.")
def lost_answers(stage: Stage) -> None:
    start, end = stage.enqueue("lost-start", "ok", on("start", "lost")), stage.enqueue("lost-end", "ok", on("end", "lost"))
    stage.until(lambda: start.completed_at and any(_replays_an_end(exchange) for exchange in stage.site.exchanges))
    stage.watch(1.5)
    stage.until_settled(start, end)


@rule(
    "repeats-a-lost-report",
    lost_answers,
    section=4,
    demand="Repeat a report that got no answer, word for word but for its time, until there is one.",
    mend="Treat a broken connection as no answer: wait a little, and send the same body again.",
)
def repeats_a_lost_report(record: Record) -> Iterator[str]:
    unanswered = [said for part in ("lost-start", "lost-end") for said in record.said_of(record.jobs[part], "start", "end")]
    unanswered = [said for said in unanswered if said.status is None]
    if not any(said.report.meaning == "end" for said in unanswered):
        raise NotSeen(f"no end of {record.jobs['lost-end'].id} was reported")
    for said in unanswered:
        again = [later for later in record.later(said) if later.report.meaning == said.report.meaning]
        if not again:
            yield f"{record.name(said)} got no answer, and was never sent again"
        elif not said.is_same_as(again[0]):
            yield f"{record.name(again[0])} repeated {record.name(said)} in other words"


@rule(
    "takes-a-replay-for-done",
    lost_answers,
    section=4,
    demand='Take an answer with `"replayed": true` for what it is: the report had arrived.',
    mend="Treat a replayed 200 like any other: the job is done with.",
)
def takes_a_replay_for_done(record: Record) -> Iterator[str]:
    replayed = [said for said in record.sayings if said.told.get("replayed")]
    if not replayed:
        raise NotSeen("no report was repeated, so none was replayed")
    for said in replayed:
        later = [each for each in record.later(said) if each.at > said.answered_at and each.report.lease_token == said.report.lease_token]
        # After the end of a run there is nothing more to say; after its start there is, but not that again.
        is_over = said.report.meaning in ("end", "release")
        too_much = next((each for each in later if is_over or each.is_same_as(said)), None)
        if too_much is not None:
            yield f"{record.name(too_much)} came after the replay of {record.name(said)}"
        elif not later and said.report.meaning == "start":
            yield f"nothing was reported of {said.report.job_id} after the replay of {record.name(said)}"


@scenario(f"A start is answered 429 and an end 503, both with Retry-After: {RETRY_AFTER_SECONDS}.")
def throttled(stage: Stage) -> None:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    job = stage.enqueue("throttled", "ok", on("start", 429, headers=headers), on("end", 503, headers=headers))
    stage.until_settled(job, seconds=2 * RETRY_AFTER_SECONDS + 2 * stage.patience_seconds)


@rule(
    "waits-as-long-as-asked",
    throttled,
    section=1,
    demand="After 429 or 503 send the same again, no earlier than Retry-After says.",
    mend="Read Retry-After, in seconds, as the least pause before the next try.",
)
def waits_as_long_as_asked(record: Record) -> Iterator[str]:
    asked = [said for said in record.sayings if said.status in (429, 503) and said.exchange.headers.get("Retry-After")]
    if not asked:
        raise NotSeen("the job was never started or ended")
    for said in asked:
        seconds = float(said.exchange.headers["Retry-After"])
        again = next((later for later in record.later(said) if later.report.meaning == said.report.meaning), None)
        if again is None:
            yield f"{record.name(said)} was answered {said.status}, and never sent again"
        elif again.at - said.answered_at < seconds - TOLERANCE_SECONDS:
            yield f"{record.name(again)} came {again.at - said.answered_at:.1f} s after a {said.status} that asked for {seconds:g} s"


@scenario(f"The server is away for {OUTAGE_SECONDS:g} s just when a job ends: connections break, then a proxy answers 502 in its place.")
def away(stage: Stage) -> None:
    job = stage.enqueue("away", "ok", on("end", "drop", times=10_000))
    if stage.until(
        lambda: any(report.job_id == job.id and report.meaning == "end" for each in stage.site.exchanges for report in each.request.reports)
    ):
        for fault in (Fault("", "drop", times=10_000), Fault("", 502, times=10_000, page=PROXY_PAGE)):
            with stage.site.changed:
                stage.site.faults = [fault]
            stage.watch(OUTAGE_SECONDS / 2)
        with stage.site.changed:
            stage.site.faults = []
            stage.site.hold_brake()
    stage.mark("back")
    stage.until_settled(job)


@rule(
    "outlasts-an-outage",
    away,
    section=4,
    demand="Keep a verdict until the server is back, and deliver it then.",
    mend="Keep trying with pauses that grow and vary, at most some seconds long, at least until the lease is certainly over.",
)
def outlasts_an_outage(record: Record) -> Iterator[str]:
    job = record.jobs["away"]
    ends = record.said_of(job, "end")
    if not ends:
        raise NotSeen("no end of the job was reported")
    if not any(said.status == 200 for said in ends):
        since = record.when(record.marks["back"])
        yield f"the end of {job.id} was tried {len(ends)} times, last by {record.name(ends[-1])}; the server was back at {since}"


@scenario("A job is given to somebody else just before its end is reported; another one is ended by staff.")
def refused(stage: Stage) -> None:
    lost = stage.enqueue("given-away", "ok", on("end", "none", first=lambda job: stage.site.hand_to(job)))
    forced = stage.enqueue("ended-by-staff", "ok", on("end", "none", first=lambda job: stage.site.end_by_force(job, "failed")))
    stage.until(lambda: lost.epoch > 1 and forced.completed_at)
    stage.watch(1.5)
    stage.clear(lost, forced)


@rule(
    "takes-no-for-an-answer",
    refused,
    section=4,
    demand="Send nothing again that was refused with a 4xx, other than 429 or a wrong time.",
    mend="Let only a missing answer, 429 and 5xx be tried again; what says abandon is to be forgotten.",
)
def takes_no_for_an_answer(record: Record) -> Iterator[str]:
    final = [said for said in record.sayings if _is_final(said)]
    if not any(said.report.job_id == record.jobs["given-away"].id for said in final):
        raise NotSeen("no end of a job that was given away was reported")
    for said in final:
        for later in record.later(said):
            # What was handed out once more may be tried once more.
            again = any(job.id == said.report.job_id and said.at < each.answered_at < later.at for job, _, each in record.handed())
            if later.is_same_as(said) and later.at > said.answered_at and not again:
                yield f"{record.name(later)} repeated what was refused: {said.status} {said.error.get('code')}"
                break


def _is_final(said: Saying) -> bool:
    refused = said.status is not None and 400 <= said.status < 500 and said.status not in _ASKED_AGAIN
    return refused and said.error.get("code") != "TIMESTAMP_OUT_OF_RANGE"


def _replays_an_end(exchange: Exchange) -> bool:
    return any(said.report.meaning == "end" and said.told.get("replayed") for said in sayings_of(exchange))


RULES = (repeats_a_lost_report, takes_a_replay_for_done, waits_as_long_as_asked, outlasts_an_outage, takes_no_for_an_answer)
