"""What stands around jobs and leases in the answers of more than one operation."""

from collections.abc import Collection, Mapping

from jobs.models import PauseMode
from orchestration_api.openapi.shapes import COUNT, Schema, closed, list_of, ref, words

REMARKS: dict[str, Schema] = {"ignored": ref("Ignored"), "replaced": ref("Replaced")}
SUCCESS: Schema = {"const": True}
REPLAYED: Schema = {"const": True, "description": "This report was known already; nothing was written."}


def answering(properties: Mapping[str, Schema], said: str = "", *, optional: Collection[str] = ()) -> Schema:
    """A whole answer: a closed object, which may have been told shorter."""
    return closed({**properties, "shortened": ref("Shortened")}, said, optional=(*optional, "shortened"))


def claimed(*reasons: str) -> dict[str, Schema]:
    """What a claim won.

    Args:
        reasons: why there may be nothing, besides those of every claim.
    """
    around = closed(
        {
            "timestamp": ref("Time"),
            "nextPollAfter": ref("Time", "Don't ask again before."),
            "queueSize": {
                **COUNT,
                "maximum": 10_000,
                "description": "Jobs that could be claimed now, counted to 10,000; none of a type that is paused or at its limit.",
            },
            "reason": words("busy", *PauseMode, *reasons, said=" ".join(_REASONS[reason] for reason in ("busy", *PauseMode, *reasons))),
        },
        optional=("reason",),
    )
    return {"jobs": list_of(ref("ClaimedJob"), "Best first."), "count": COUNT, "metadata": around}


_REASONS = {
    "busy": "`busy`: it was not waited, half of the server's threads do already.",
    PauseMode.PAUSED: "`paused`: claims are, of the site or of all these types.",
    PauseMode.DRAINED: "`drained`: this orchestrator gets no more jobs.",
    PauseMode.DISABLED: "`disabled`: nor will it.",
    "unavailable": "`unavailable`: the claim failed, and the reports stand.",
}
_REPORTED: dict[str, Schema] = {
    "success": SUCCESS,
    "job": ref("JobSummary", "As it is now."),
    "timestamp": ref("Time"),
    "nextAction": ref("NextAction"),
    "replayed": REPLAYED,
    **REMARKS,
}
_MAY_BE_MISSING = ("replayed", *REMARKS)

COMPONENTS: dict[str, Schema] = {
    "MadeJob": answering({"job": ref("Job")}, "The job made."),
    "MadeJobs": answering({"jobs": list_of(ref("Job"))}, "The jobs made, in the order sent."),
    "Claimed": answering(claimed(), "What was handed out, perhaps nothing."),
    "Reported": answering(_REPORTED, "What became of the report, or of the order.", optional=_MAY_BE_MISSING),
    "Acknowledged": answering(
        {**_REPORTED, "lease": ref("RenewedLease", "Missing when an old acknowledgement was sent again.")},
        "What became of the acknowledgement.",
        optional=(*_MAY_BE_MISSING, "lease"),
    ),
    "Received": answering({"success": SUCCESS, "timestamp": ref("Time")}, "It was kept."),
}
