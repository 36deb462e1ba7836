"""A report is the same report whichever way it comes: by its own call or in a batch."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from jobs import leases
from jobs.models import Job
from tests.factories import HOLDER
from tests.ledger import assert_sound
from tests.orchestration_api.both_ways import by_single_call, in_one_batch, story
from tests.orchestration_api.situations import SITUATIONS

REPORTS: list[dict[str, Any]] = [
    {"action": "start"},
    {"action": "start", "phase": "running", "progress": {"percentage": 1}},
    {"action": "complete", "exitCode": 0, "output": {"stdout": "fine", "stderr": ""}, "metrics": {"n": 1}},
    {"action": "complete", "status": "completed", "exitCode": 102, "mood": "good"},
    {"action": "complete", "exitCode": 3, "error": None},
    {"action": "complete", "metrics": {}},
    {"action": "complete", "exitCode": "0"},
    {"action": "complete", "exitCode": 0, "metrics": {"a": "\x00"}},
    {"action": "fail", "error": "a\x00b", "retryAfterSeconds": 0},
    {"action": "fail", "error": {"type": "Oops", "message": "no"}, "retryable": False, "category": "made-up"},
    {"action": "fail", "error": ""},
    {"action": "fail", "error": "x", "expectedUpdatedAt": "2020-01-01T00:00:00Z"},
    {"action": "cancel", "message": "as you wished", "output": "so far"},
    {"action": "release", "message": "restart"},
    {"action": "release", "message": 5},
    {"action": "progress", "phase": "packing", "progress": 40},
    {"action": "progress", "phase": 40},
]
# With every token; what differs in its fields only is sent without one.
OF_EACH_ACTION = [
    next(report for report in REPORTS if report["action"] == action) for action in {report["action"]: 0 for report in REPORTS}
]
TOKENS = ("none", "first claim's", "present claim's", "forged")


def update_of(job: Job, report: dict[str, Any], token: str) -> dict[str, Any]:
    epoch = {"first claim's": 1, "present claim's": job.epoch}.get(token)
    proof = (
        "1.forged" if token == "forged" else leases.token_of(Job(id=job.id, epoch=epoch, orchestrator_id=HOLDER.name)) if epoch else None
    )
    return {"jobId": job.id} | ({"leaseToken": proof} if proof else {}) | report


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_report_is_judged_alike_by_itself_and_in_a_batch(api: APIClient, situation: str) -> None:
    cases = [(report, token) for report in REPORTS for token in (TOKENS if report in OF_EACH_ACTION else TOKENS[:1])]
    singly = [update_of(SITUATIONS[situation](), *case) for case in cases]
    together = [update_of(SITUATIONS[situation](), *case) for case in cases]
    answers = [by_single_call(api, update) for update in singly], in_one_batch(api, together)

    for case, one, other, alone, among in zip(cases, *answers, singly, together, strict=True):
        assert one == other, case
        assert story(alone["jobId"]) == story(among["jobId"]), case
        assert_sound(among["jobId"])


SENT = st.lists(st.tuples(st.sampled_from(sorted(SITUATIONS)), st.sampled_from(REPORTS), st.sampled_from(TOKENS)), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=SENT)
def test_what_was_sent_one_way_is_known_again_the_other_way(api: APIClient, sent: list[tuple[str, dict[str, Any], str]]) -> None:
    singly, together = ([update_of(SITUATIONS[situation](), report, token) for situation, report, token in sent] for _ in range(2))
    first = [by_single_call(api, update) for update in singly]
    in_one_batch(api, together)
    before = [story(update["jobId"]) for update in singly + together]
    again = in_one_batch(api, singly), [by_single_call(api, update) for update in together]

    assert again[0] == again[1]
    for update, taken, told in zip(singly, first, again[0], strict=True):
        assert told["ok"] == taken["ok"], update
        assert update["action"] == "progress" or told.get("replayed") is (True if told["ok"] else None), update
    assert [story(update["jobId"]) for update in singly + together] == before
