"""What stands around jobs and leases in the answers of more than one operation."""

from orchestration_api.openapi.shapes import COUNT, Schema, closed, list_of, ref, words

REMARKS: dict[str, Schema] = {"ignored": ref("Ignored"), "replaced": ref("Replaced")}
SUCCESS: Schema = {"const": True}
_REPORTED: dict[str, Schema] = {
    "success": SUCCESS,
    "job": ref("JobSummary", "As it is now."),
    "timestamp": ref("Time"),
    "nextAction": ref("NextAction"),
    "replayed": {"const": True, "description": "This report was known already; nothing was written."},
    **REMARKS,
}
_MAY_BE_MISSING = ("replayed", *REMARKS)
_AROUND_A_CLAIM = closed(
    {
        "timestamp": ref("Time"),
        "nextPollAfter": ref("Time", "Don't ask again before."),
        "queueSize": {**COUNT, "maximum": 10_000, "description": "Jobs that could be claimed now, counted to 10,000."},
        "reason": words("busy", said="Why it was not waited: half of the server's threads do already."),
    },
    optional=("reason",),
)
CLAIMED: dict[str, Schema] = {"jobs": list_of(ref("ClaimedJob"), "Best first."), "count": COUNT, "metadata": _AROUND_A_CLAIM}

COMPONENTS: dict[str, Schema] = {
    "MadeJob": closed({"job": ref("Job")}, "The job made."),
    "MadeJobs": closed({"jobs": list_of(ref("Job"))}, "The jobs made, in the order sent."),
    "Claimed": closed(CLAIMED, "What was handed out, perhaps nothing."),
    "Reported": closed(_REPORTED, "What became of the report, or of the order.", optional=_MAY_BE_MISSING),
    "Acknowledged": closed(
        {**_REPORTED, "lease": ref("RenewedLease", "Missing when an old acknowledgement was sent again.")},
        "What became of the acknowledgement.",
        optional=(*_MAY_BE_MISSING, "lease"),
    ),
    "Received": closed({"success": SUCCESS, "timestamp": ref("Time")}, "It was kept."),
}
