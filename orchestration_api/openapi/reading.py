"""What there is, and what happened."""

from jobs.failures import Category
from jobs.lifecycle import Status
from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import answering
from orchestration_api.openapi.nouns import WHOLE_JOB
from orchestration_api.openapi.operation import OF_A_JOB, Answer, Operation, link, query
from orchestration_api.openapi.shapes import COUNT, FLAG, TEXT, Schema, closed, described, list_of, nullable, ref, words
from orchestration_api.pages import ORDERINGS
from orchestration_api.representations import MOST_STRETCHES
from orchestration_api.views.jobs import MOST_ENTRIES

_CURSOR: Schema = {"type": "string", "format": "cursor", "minLength": 1}
# A transaction and an entry, as far as there can be any.
_EVENT_CURSOR: Schema = {"type": "string", "pattern": r"^(0|[0-9]{1,19}-[0-9]{1,18})$", "default": "0"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_WORD: Schema = {"type": "string", "minLength": 1, "pattern": "^[^,\\s]+$"}
_SCOPES = ("read", "enqueue", "orchestrate")
_JOBS = answering(
    {
        "results": list_of(ref("JobSummary")),
        "next": nullable(described(_CURSOR, "Of what follows.")),
        "previous": nullable(described(_CURSOR, "Of what came before.")),
    }
)
_HISTORY = answering(
    {
        "entries": list_of(ref("Entry")),
        "next": nullable(described(COUNT, "Send it as `after` to read on; null at the end.")),
    }
)
_EVENTS = answering(
    {
        "events": list_of(ref("Entry"), "In one order that never changes; those of one job by their sequence."),
        "nextCursor": described(TEXT, "Send it as `after` to read on."),
        "lagSeconds": described(COUNT, "How old the oldest entry is that comes after these; 0 when there is none."),
    }
)
_ENTRY = {
    "id": 1,
    "jobId": examples.JOB_ID,
    "sequence": 0,
    "subjectType": None,
    "subjectId": None,
    "action": "enqueue",
    "fromStatus": None,
    "toStatus": "queued",
    "actorKind": "producer",
    "actor": "service",
    "epoch": 0,
    "attempt": 1,
    "reason": None,
    "requestId": "32a266225efc843e3f48c9dac06c950d",
    "at": examples.MOMENT,
    "statedAt": None,
    "detail": None,
}
_TIMING = answering(
    {
        "jobId": ref("JobId"),
        "beganAt": ref("Time"),
        "until": ref("Time", "When it ended, or now."),
        "ended": FLAG,
        "microseconds": described(COUNT, "From the beginning until then."),
        "earlierMicroseconds": described(COUNT, f"What is in no stretch here: 0, unless there are more than {MOST_STRETCHES}."),
        "stretches": list_of(ref("Stretch"), "One after the other, without a gap: their lengths add up to the whole exactly."),
        "text": described(TEXT, "The same in one line for people."),
    }
)
_TIME_OF_A_JOB = {
    "jobId": examples.JOB_ID,
    "beganAt": "2026-11-23T20:59:17.968191Z",
    "until": "2026-11-23T20:59:21.468191Z",
    "ended": True,
    "microseconds": 3_500_000,
    "earlierMicroseconds": 0,
    "stretches": [
        {
            "state": state,
            "attempt": 1,
            "beganAt": f"2026-11-23T20:59:{began}Z",
            "endedAt": f"2026-11-23T20:59:{ended}Z",
            "microseconds": length,
        }
        for state, began, ended, length in (
            ("queued", "17.968191", "19.218191", 1_250_000),
            ("claimed", "19.218191", "19.268191", 50_000),
            ("running", "19.268191", "21.468191", 2_200_000),
        )
    ],
    "text": "3.500 s = queued 1.250 s + claimed 0.050 s + running 2.200 s",
}
_ATTEMPT = {
    "number": 1,
    "epoch": 1,
    "status": "failed",
    "orchestratorId": "worker-7",
    "claimedAt": examples.MOMENT,
    "acknowledgedAt": None,
    "startedAt": examples.MOMENT,
    "completedAt": examples.LATER,
    "exitCode": 1,
    "error": "orders.csv: line 17",
    "errorCategory": "exit_code",
    "result": {"error": "orders.csv: line 17", "exitCode": 1},
}
_GAP: Schema = {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2}
_LOGS = answering(
    {
        "epoch": nullable(described(COUNT, "Of which run; null when none wrote.")),
        "entries": list_of(ref("LogLine")),
        "nextAfter": nullable({"type": "integer", "minimum": -1, "description": "Send it as `after` to read on."}),
        "gaps": list_of(_GAP, "First and last sequence of each stretch that is missing; not told of one `stream`."),
    },
    optional=("gaps",),
)
_LINE = {"epoch": 1, "sequence": 0, "stream": "stdout", "line": "reading orders.csv", "timestamp": None}
_STATS = answering(
    {
        "total": COUNT,
        "byStatus": closed(dict.fromkeys(Status, COUNT)),
        "byType": {"type": "object", "additionalProperties": COUNT, "description": "Open: the keys are the types that jobs have."},
        "asOf": ref("Time"),
    }
)
_COUNTED = {
    "total": 3,
    "byStatus": dict.fromkeys(Status, 0) | {"queued": 2, "completed": 1},
    "byType": {"report": 3},
    "asOf": examples.MOMENT,
}

OPERATIONS = (
    Operation(
        "GET",
        "/jobs",
        "listJobs",
        "Reading",
        "Lists jobs, a page at a time.",
        more="A page ends early where it would grow beyond 8 MiB; `next` goes on where it ended. By completedAt, jobs that have not "
        "ended come last. With the scope `enqueue` they are the caller's own.",
        scopes=("read", "enqueue"),
        parameters=(
            query("status", list_of(words(*Status), minItems=1), "Any of these, with commas."),
            query("type", list_of(_WORD, minItems=1), "Any of these, with commas."),
            query("label", list_of(_WORD, minItems=1), "Requiring any of these labels, with commas."),
            query("orchestratorId", list_of(_WORD, minItems=1), "Held by any of these, with commas."),
            query("category", list_of(words(*Category), minItems=1), "Failed of any of these, with commas."),
            query(
                "fingerprint", list_of(_WORD, minItems=1), "In any of these failure groups, with commas; quick together with status=failed."
            ),
            query("createdAfter", _TIME, "Created then or later."),
            query("createdBefore", _TIME, "Created earlier."),
            query("updatedAfter", _TIME, "Changed then or later."),
            query(
                "ordering",
                {**words(*(sign + word for word in ORDERINGS for sign in ("", "-"))), "default": "-createdAt"},
                "With - for descending; ties by id.",
            ),
            query("cursor", _CURSOR, "`next` or `previous` of an earlier page in the same order."),
            query("pageSize", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "At most so many."),
        ),
        answers={
            200: Answer(
                _JOBS,
                {"results": [examples.job()], "next": None, "previous": None},
                "One page.",
                links={
                    "next": link("listJobs", cursor="$response.body#/next"),
                    "read": link("getJob", id="$response.body#/results/0/id"),
                },
            )
        },
    ),
    Operation(
        "GET",
        "/jobs/stats",
        "countJobs",
        "Reading",
        "Counts all jobs by status and by type.",
        scopes=("read",),
        answers={200: Answer(_STATS, _COUNTED, "As of now.")},
    ),
    Operation(
        "GET",
        "/jobs/{id}",
        "getJob",
        "Reading",
        "Tells all that is known of a job.",
        scopes=_SCOPES,
        parameters=("Id",),
        answers={200: Answer(answering(WHOLE_JOB), examples.whole(), "The job.")},
        errors=OF_A_JOB,
    ),
    Operation(
        "GET",
        "/jobs/{id}/history",
        "getHistory",
        "Reading",
        "Tells every entry of the audit log of a job, in order.",
        more="Also of a job that is there no more. The answer ends early where it would grow beyond 8 MiB; `next` goes on where it ended.",
        scopes=_SCOPES,
        parameters=(
            "Id",
            query("after", {"type": "integer", "minimum": -1, "maximum": 2**31 - 1, "default": -1}, "Only what has a greater sequence."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_ENTRIES, "default": MOST_ENTRIES}, "At most so many."),
        ),
        answers={200: Answer(_HISTORY, {"entries": [_ENTRY], "next": None}, "Every entry.")},
        errors=OF_A_JOB,
    ),
    Operation(
        "GET",
        "/jobs/{id}/timing",
        "getTiming",
        "Reading",
        "Tells where the time of a job went.",
        more="Also of a job that is there no more. Until its time comes a queued job is `scheduled`, or waits for its retry: "
        "`retry_wait`. What took no time, such as the failure before a retry, is left out.",
        scopes=_SCOPES,
        parameters=("Id",),
        answers={200: Answer(_TIMING, _TIME_OF_A_JOB, "Every stretch of it.")},
        errors=OF_A_JOB,
    ),
    Operation(
        "GET",
        "/jobs/{id}/attempts",
        "listAttempts",
        "Reading",
        "Tells every run of a job: those that were retried, then the last one.",
        scopes=_SCOPES,
        parameters=("Id",),
        answers={200: Answer(answering({"attempts": list_of(ref("Attempt"))}), {"attempts": [_ATTEMPT]}, "Every run.")},
        errors=OF_A_JOB,
    ),
    Operation(
        "GET",
        "/jobs/{id}/logs",
        "readLogs",
        "Reading",
        "Reads lines of one run, in the order in which they were written.",
        more="The newest run that wrote any, or `epoch`. To read on, send the answer's `epoch`, and its `nextAfter` as `after`.",
        scopes=_SCOPES,
        parameters=(
            "Id",
            query("epoch", {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "Of which run."),
            query("after", {"type": "integer", "minimum": -1, "maximum": 2**63 - 1}, "Only what has a greater sequence."),
            query("stream", words("stdout", "stderr", "system"), "Only this one."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1000}, "At most so many lines."),
        ),
        answers={200: Answer(_LOGS, {"epoch": 1, "entries": [_LINE], "nextAfter": 0, "gaps": []}, "Lines.")},
        errors=OF_A_JOB,
    ),
    Operation(
        "GET",
        "/jobs/{id}/logs.txt",
        "readTextLog",
        "Reading",
        "The whole log of every run as text, streamed, one line each.",
        scopes=_SCOPES,
        parameters=("Id",),
        answers={200: Answer(TEXT, "reading orders.csv\n", "The text.", kind="text/plain")},
        errors=OF_A_JOB,
    ),
    Operation(
        "GET",
        "/jobs/{id}/output.txt",
        "readTextOutput",
        "Reading",
        "What a run was reported to have written, whole and as text, streamed.",
        more="Of the newest run that has ended, or of `epoch`. Empty when there was none.",
        scopes=_SCOPES,
        parameters=(
            "Id",
            query("stream", {**words("stdout", "stderr"), "default": "stdout"}, "Which; an output of one text is stdout."),
            query("epoch", {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}, "Of which run."),
        ),
        answers={200: Answer(TEXT, "128 rows", "The text.", kind="text/plain")},
        errors=OF_A_JOB,
    ),
    Operation(
        "GET",
        "/events",
        "readEvents",
        "Reading",
        "Reads every entry of the audit log in one stable order, none skipped and none twice.",
        more="With nothing new, `nextCursor` is the one given.",
        scopes=("read",),
        parameters=(
            query("after", _EVENT_CURSOR, "`nextCursor` of the answer before; 0 begins."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "At most so many."),
        ),
        answers={200: Answer(_EVENTS, {"events": [_ENTRY], "nextCursor": "812-1", "lagSeconds": 0}, "What follows.")},
    ),
)
