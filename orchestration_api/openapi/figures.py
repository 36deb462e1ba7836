"""Figures by type."""

from jobs.failures import Category
from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import answering
from orchestration_api.openapi.operation import Answer, Operation, query
from orchestration_api.openapi.shapes import COUNT, TEXT, Schema, closed, described, list_of, nullable, ref, words

_TIME: Schema = {"type": "string", "format": "date-time"}
_WORD: Schema = {"type": "string", "minLength": 1}
_MOVED = closed(
    {
        "fromStatus": nullable(ref("Status", "null: they were enqueued.")),
        "toStatus": ref("Status"),
        "category": nullable(words(*Category, said="Of failures.")),
        "jobs": COUNT,
    }
)
_FIGURES = answering(
    {
        "since": ref("Time", "What was asked, from the beginning of its minute; of a longer or older period, of its hour."),
        "until": ref("Time", "What was asked, to the end of its minute or hour."),
        "lagSeconds": described(COUNT, "How old the oldest change is that is not counted yet; 0 when all are."),
        "types": list_of(closed({"type": TEXT, "states": list_of(ref("Spread")), "transitions": list_of(_MOVED)})),
        "next": nullable(described(TEXT, "Send it as `after` to read on.")),
    }
)
_RUNNING = {
    "state": "running",
    "stretches": 412,
    "microseconds": 812_000_000,
    "p50Microseconds": 1_783_000,
    "p95Microseconds": 4_241_000,
    "p99Microseconds": 7_132_000,
}
_OF_A_TYPE = {
    "type": "report",
    "states": [_RUNNING],
    "transitions": [{"fromStatus": "running", "toStatus": "failed", "category": "timeout", "jobs": 3}],
}

OPERATIONS = (
    Operation(
        "GET",
        "/figures",
        "getFigures",
        "Reading",
        "Tells by type how long jobs were in each state, and how many went where.",
        more="Of those that left the state, or went, in the period: the last hour, or from `since` to `until`. Counted by the sweep loop, "
        "within seconds. Counts and sums are exact, percentiles within 4.5 %. Also of jobs that are there no more.",
        scopes=("read",),
        parameters=(
            query("since", _TIME, "By default an hour before `until`."),
            query("until", _TIME, "By default now."),
            query("type", _WORD, "Only this one."),
            query("after", _WORD, "`next` of an earlier answer."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "At most so many types."),
        ),
        answers={
            200: Answer(
                _FIGURES,
                {"since": examples.MOMENT, "until": examples.LATER, "lagSeconds": 0, "types": [_OF_A_TYPE], "next": None},
                "The figures of some types.",
            )
        },
    ),
)
