"""Who speaks, by which lease, and when."""

from collections.abc import Iterator
from datetime import timedelta

from orchestrator.conformance.judging import NotApplicable, NotSeen, rule
from orchestrator.conformance.record import Record, named_in
from orchestrator.conformance.rules.plain import plain
from orchestrator.conformance.site.door import IDENTIFIER
from orchestrator.conformance.site.requests import Exchange
from orchestrator.conformance.stage import Stage, on, scenario

SKEW = timedelta(minutes=15)


@rule(
    "identifies-itself",
    plain,
    section=1,
    demand="Send the token and one and the same orchestrator id with every call.",
    mend="Send `Authorization: Bearer <token>` and `X-Orchestrator-ID: <id>`: 1 to 128 of A-Z a-z 0-9 . _ : -, this process's own.",
)
def identifies_itself(record: Record) -> Iterator[str]:
    if not record.exchanges:
        raise NotSeen("nothing was asked at all")
    first: str | None = None
    for exchange in record.exchanges:
        request = exchange.request
        if exchange.status == 401:
            yield f"{record.name(exchange)} carried another token than `Bearer <token>`, or none"
        if (request.method, request.path) == ("GET", "/orchestrator/health"):
            continue
        name = request.headers.get("x-orchestrator-id") or request.fields.get("orchestratorId")
        if not isinstance(name, str) or not IDENTIFIER.fullmatch(name):
            yield f"{record.name(exchange)} carried no orchestrator id" if not name else f"{record.name(exchange)} carried the id {name!r}"
        elif name != (first := first or name):
            yield f"{record.name(exchange)} came from {name}, earlier ones from {first}: the kit tests one orchestrator at a time"


@rule(
    "sends-lease-token",
    plain,
    section=1,
    demand="Send the lease token with every report, and beside every job that a heartbeat names.",
    mend="Keep lease.token of the claim's answer; send it as X-Lease-Token, and as leaseToken in heartbeats and batches.",
)
def sends_lease_token(record: Record) -> Iterator[str]:
    if not record.sayings:
        raise NotSeen("nothing was reported")
    for said in record.sayings:
        if said.report.lease_token is None:
            yield f"{record.name(said)} carried no lease token"
    for beat in record.asked("heartbeat"):
        bare = [job_id for job_id, token in named_in(beat).items() if token is None]
        if bare:
            yield f"{record.name(beat)} named {', '.join(bare)} without its lease token"


@scenario("The server's clock is 15 minutes ahead: what is stamped by another one is refused with TIMESTAMP_OUT_OF_RANGE.")
def skewed(stage: Stage) -> None:
    job = stage.enqueue("skewed", "ok", on("start", "none", first=lambda _: stage.site.move_clock(SKEW)))
    stage.until_settled(job)
    stage.site.move_clock(-stage.site.clock.ahead)
    # Whose clock was put right must put it back: that is no part of what is judged next.
    stage.until_settled(stage.enqueue("after-skewed", "ok"))


@rule(
    "stamps-each-try",
    skewed,
    section=1,
    demand="Stamp each try with the time when it is sent, and by the server's clock once it says that yours is wrong.",
    mend="Make the timestamp inside the loop that tries; after TIMESTAMP_OUT_OF_RANGE take the difference to details.serverTime along.",
)
def stamps_each_try(record: Record) -> Iterator[str]:
    if not any(exchange.request.timestamp for exchange in record.exchanges):
        raise NotApplicable("it stamps nothing, which the shared key may")
    refused = [each for each in record.exchanges if each.code == "TIMESTAMP_OUT_OF_RANGE"]
    if not refused:
        raise NotSeen("nothing that was stamped came while the server's clock differed")
    earlier: dict[str, Exchange] = {}
    for exchange in record.exchanges:
        request = exchange.request
        if request.timestamp is None:
            continue
        said = f"{request.name} {[(report.operation, report.body) for report in request.reports]} {request.timestamp}"
        before = earlier.setdefault(said, exchange)
        # By a clock that tells only whole seconds, two tries within one look alike.
        if before is not exchange and request.at - before.request.at >= (0 if "." in request.timestamp else 1):
            yield f"{record.name(exchange)} was stamped {request.timestamp}, as its try at {record.when(before.request.at)} was"
    for exchange in refused:
        for told in (each for each in record.sayings if each.exchange is exchange and each.report.meaning in ("start", "end")):
            if not any(told.is_same_as(later) and later.status == 200 for later in record.later(told)):
                yield f"{record.name(exchange)} was refused for its time, and never came with the right one"


RULES = (identifies_itself, sends_lease_token, stamps_each_try)
