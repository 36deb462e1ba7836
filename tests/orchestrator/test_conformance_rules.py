"""Each rule of the conformance kit turns red over what breaks it, and no rule is kept by an orchestrator that says nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from orchestrator.conformance.judging import Verdict, find
from orchestrator.conformance.record import Record
from orchestrator.conformance.rules import RULES
from orchestrator.conformance.site.jobs import Job
from orchestrator.conformance.site.requests import Exchange, Json
from tests.orchestrator.exchanges import ABANDON, NOON, WRONG_TIME, beat, claim, end, exchange, lines, moment, stamped, start

PARTS = (
    *("left-behind", "succeeding", "failing", "lost-claim", "handed-twice", "unknown", "after-unknown", "skewed", "logging", "too-long"),
    *(
        "lost-start",
        "lost-end",
        "throttled",
        "away",
        "given-away",
        "long",
        "after-long",
        "cancelled-early",
        "cancelled-late",
        "running-at-the-end",
    ),
)


BREAKS: Sequence[tuple[str, list[Exchange], str]] = [
    (
        "settles-orphans",
        [exchange(1, "/jobs/orphaned", told=[{"id": "left-behind"}])],
        "GET /jobs/orphaned at 1.0 s listed left-behind, and in",
    ),
    ("settles-orphans", [beat(1)], "GET /jobs/orphaned was never asked"),
    (
        "answers-a-claim-in-time",
        [claim(1, "long"), start(12, "long")],
        "long, claimed by POST /jobs/claim at 1.0 s, was not answered within",
    ),
    (
        "recovers-a-lost-claim",
        [claim(1, "lost-claim", lost=True), claim(2, claim_id="d")],
        "POST /jobs/claim at 1.0 s got no answer and was not sent again with its claimId",
    ),
    (
        "recovers-a-lost-claim",
        [claim(1, "lost-claim", lost=True), claim(2), start(12, "lost-claim", token="")],
        "got no answer and was sent again; nothing was reported of lost-claim within its lease",
    ),
    ("runs-a-job-once", [claim(1, "handed-twice"), end(2, "handed-twice"), claim(3, "handed-twice"), end(4, "handed-twice")], "at 4.0 s"),
    (
        "runs-a-job-once",
        [claim(1, "handed-twice"), claim(2, "handed-twice"), beat(3, "handed-twice", "handed-twice")],
        "named handed-twice twice",
    ),
    ("keeps-the-poll-pause", [claim(1, pause=2, reason="drained"), claim(1.5)], "came 0.5 s after an empty answer that asked for 2.0 s"),
    ("survives-the-unknown", [claim(1, "unknown")], "after-unknown, an ordinary job after an unknown one, was never reported"),
    ("survives-the-unknown", [end(1, "unknown"), end(2, "after-unknown")], "reported a job completed whose payload nobody can run"),
    ("identifies-itself", [beat(1), exchange(2, "/jobs/claim", {}, status=401)], "POST /jobs/claim at 2.0 s carried another token"),
    ("identifies-itself", [exchange(1, "/jobs/claim", {}, name="")], "carried no orchestrator id"),
    ("identifies-itself", [beat(1), exchange(2, "/jobs/claim", {}, name="o-2")], "came from o-2, earlier ones from o-1"),
    ("sends-lease-token", [start(1, "long", token="")], "PUT /jobs/long/status at 1.0 s carried no lease token"),
    (
        "sends-lease-token",
        [start(1, "long"), exchange(2, "/orchestrator/heartbeat", {"runningJobs": ["long"]})],
        "named long without its lease token",
    ),
    (
        "stamps-each-try",
        [stamped(start(1, "skewed", status=400, told=WRONG_TIME), moment(1)), stamped(start(2, "skewed"), moment(1))],
        "PUT /jobs/skewed/status at 2.0 s was stamped 2026-01-01T12:00:01.000000Z, as its try at 1.0 s was",
    ),
    (
        "stamps-each-try",
        [stamped(start(1, "skewed", status=400, told=WRONG_TIME), moment(1))],
        "was refused for its time, and never came with the right one",
    ),
    ("tells-the-start", [end(1, "succeeding")], "succeeding ended, and `running` was told of none"),
    ("tells-the-start", [end(1, "succeeding"), start(2, "succeeding")], "told the start of succeeding after its end"),
    (
        "tells-success-from-failure",
        [end(1, "succeeding"), end(2, "failing", {"status": "completed"})],
        "said completed of a job that failed",
    ),
    (
        "tells-success-from-failure",
        [end(1, "succeeding", {"exitCode": -1}), end(2, "failing", {"exitCode": 3})],
        "said timeout of a job that completed",
    ),
    ("reports-both-streams", [end(1, "succeeding", {"output": {"stdout": "conformance-out"}})], "lacked what succeeding wrote to stderr"),
    (
        "keeps-to-one-verdict",
        [end(1, "away", status=None), end(2, "away", {"exitCode": 1})],
        "said another end of away than POST /jobs/away/complete at 1.0 s",
    ),
    ("numbers-its-log-lines", [lines(1, "logging", (0, "a")), lines(2, "logging", (0, "b"))], "gave sequence 0 of logging to another line"),
    ("numbers-its-log-lines", [lines(1, "logging", (0, "a"), status=None), lines(2, "logging", (1, "b"))], "its lines never came again"),
    ("enforces-the-timeout", [start(1, "too-long")], "too-long may last 1 s, was begun at 1.0 s, and no end came"),
    (
        "enforces-the-timeout",
        [start(1, "too-long"), end(3, "too-long", {"exitCode": 137})],
        "said failed of a job that was out of time, not timeout",
    ),
    (
        "repeats-a-lost-report",
        [end(1, "lost-end", status=None)],
        "POST /jobs/lost-end/complete at 1.0 s got no answer, and was never sent again",
    ),
    ("repeats-a-lost-report", [end(1, "lost-end", status=None), end(2, "lost-end", {"exitCode": 1})], "in other words"),
    (
        "takes-a-replay-for-done",
        [start(1, "lost-start", told={"replayed": True})],
        "nothing was reported of lost-start after the replay of PUT /jobs/lost-start/status at 1.0 s",
    ),
    (
        "takes-a-replay-for-done",
        [end(1, "lost-end", told={"replayed": True}), end(2, "lost-end")],
        "POST /jobs/lost-end/complete at 2.0 s came after the replay of POST /jobs/lost-end/complete at 1.0 s",
    ),
    (
        "waits-as-long-as-asked",
        [end(1, "throttled", status=503, retry_after=2), end(2, "throttled")],
        "came 1.0 s after a 503 that asked for 2 s",
    ),
    ("waits-as-long-as-asked", [end(1, "throttled", status=429, retry_after=2)], "was answered 429, and never sent again"),
    ("outlasts-an-outage", [end(1, "away", status=None), end(2, "away", status=502)], "the end of away was tried 2 times"),
    (
        "takes-no-for-an-answer",
        [end(1, "given-away", status=409, told=ABANDON), end(2, "given-away", status=409, told=ABANDON)],
        "POST /jobs/given-away/complete at 2.0 s repeated what was refused: 409 LEASE_LOST",
    ),
    ("beats-in-time", [start(1, "long"), beat(2, "long")], "was named by no heartbeat from 2.0 s to 20.0 s; every 2 s was asked for"),
    (
        "stops-on-abandon",
        [beat(1, "long", told={"abandon": ["long"]}), end(1.1, "long"), end(9, "after-long")],
        "came 0.1 s after the word to abandon long",
    ),
    (
        "stops-on-abandon",
        [beat(1, "long", told={"abandon": ["long"]}), beat(3, "long"), end(9, "after-long")],
        "still named long, to be abandoned since 1.0 s",
    ),
    ("stops-on-abandon", [beat(1, "long", told={"abandon": ["long"]})], "after-long, a job after the abandoned one, was never reported"),
    (
        "obeys-a-cancel",
        [beat(1, "cancelled-late", told={"cancel": ["cancelled-late"]})],
        "cancelled-late was to be cancelled from 1.0 s on, and no end came",
    ),
    (
        "obeys-a-cancel",
        [start(1, "cancelled-early", told={"nextAction": "cancel"}), end(2, "cancelled-early")],
        "said completed of a job that was to be cancelled",
    ),
    ("stays-up", [], "exit code 1 while"),
    ("drains-on-sigterm", [claim(30)], "POST /jobs/claim at 30.0 s came 5.0 s after SIGTERM"),
]


@pytest.mark.parametrize(("rule_id", "exchanges", "evidence"), BREAKS, ids=[f"{rule}-{place}" for place, (rule, *_) in enumerate(BREAKS)])
def test_a_rule_turns_red_over_what_breaks_it(rule_id: str, exchanges: list[Exchange], evidence: str) -> None:
    (rule,) = [rule for rule in RULES if rule.id == rule_id]
    finding = find(rule, _record(exchanges, marks={"given-away": 20.0, "back": 3.0, "terminated": 25.0}, falls=["exit code 1 while: …"]))
    assert (finding.verdict, evidence in "; ".join(finding.seen)) == (Verdict.FAIL, True), finding.seen


def test_every_rule_is_among_those_that_were_turned_red() -> None:
    assert {rule for rule, *_ in BREAKS} == {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_an_orchestrator_that_says_nothing_keeps_no_rule(rule: Any) -> None:
    assert find(rule, _record([], marks={}, falls=None)).verdict is not Verdict.PASS


def test_of_much_evidence_the_first_is_told_and_the_rest_counted() -> None:
    (rule,) = [rule for rule in RULES if rule.id == "sends-lease-token"]
    many = [start(at, "long", token="") for at in range(10)]
    seen = find(rule, _record(many, marks={}, falls=None)).seen
    assert (len(seen), seen[0], seen[-1]) == (4, "PUT /jobs/long/status at 0.0 s carried no lease token", "and 7 more like these")


def _record(exchanges: Sequence[Exchange], *, marks: Mapping[str, float], falls: Sequence[str] | None) -> Record:
    handed: Json = {"holders": {1: "o-1"}} if exchanges else {}
    jobs = {part: Job(part, "script", {}, NOON, NOON, **handed) for part in PARTS}
    return Record(exchanges, jobs, marks, began=0.0, heartbeat_seconds=2, patience_seconds=10.0, falls=falls)
