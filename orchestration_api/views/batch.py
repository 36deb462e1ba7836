"""Reports in batches: one transaction, each item judged as the single call would be, and a claim in the same round trip."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseTrouble
from psycopg_pool import PoolTimeout
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import leases, progress
from jobs.actors import Holder
from jobs.models import Scope
from orchestration_api.exceptions import as_wire_error, body_of
from orchestration_api.items import Item, ItemReader
from orchestration_api.permissions import opened_by
from orchestration_api.renderers import encoded, most_bytes
from orchestration_api.serializers import Batch
from orchestration_api.views.base import remarks
from orchestration_api.views.queue import claim_for, told_claim
from orchestration_api.views.repeatable import RepeatableViewSet

log = logging.getLogger(__name__)
_RETRY_CLAIM_SECONDS = 2.0
# Of keys ignored and of places mended in one item.
_MOST_NAMES = 20


class BatchViewSet(RepeatableViewSet):
    """`POST /jobs/status`."""

    asks_for_time = True

    @opened_by(Scope.ORCHESTRATE)
    def report(self, request: Request) -> Response:
        frame = self._frame()
        holder, stated_at = self.holder(), self.stated_at(frame)

        def check_time(stated: datetime | None) -> None:
            # That of the batch has been checked.
            if stated or not stated_at:
                self._check_time(stated)

        reader = ItemReader(orchestrator_id=holder.name, check_time=check_time, mend=self.mended)
        items = [reader.read(sent) for sent in frame["updates"]]
        self._judge(items, by=holder, stated_at=stated_at)
        results = _within_limit([self._result(item) for item in items])
        applied = sum(result["ok"] for result in results)
        told = {"results": results, "applied": applied, "rejected": len(results) - applied} | self.remarks()
        if "claim" in frame:
            told |= _claimed(holder, frame["claim"], beside_bytes=len(encoded(results)))
        return Response(told)

    def _frame(self) -> dict[str, Any]:
        """The batch without a look into its updates; whatever is wrong here refuses it whole."""
        sent = self._object(required=True)
        # The updates are mended one by one: what is wrong in one harms no other.
        frame, _ = self.mended({key: value for key, value in sent.items() if key != "updates"})
        self.body = frame | {key: value for key, value in sent.items() if key == "updates"}
        self.holder()  # An identity that can't be is told before a field that can't be.
        fields = self.fields_of(Batch)
        if moment := self.stated_at(fields):
            self._check_time(moment)
        return fields

    def _judge(self, items: Sequence[Item], *, by: Holder, stated_at: datetime | None) -> None:
        """Asks the door about all that could be read at once.

        Args:
            stated_at: when the batch was sent, for items that say nothing of it.
        """
        pairs = [(item, update) for item in items if (update := item.update)]
        tokens = [(update.job_id, update.fields.get("lease_token")) for _, update in pairs]
        if not all(token for _, token in tokens):
            leases.note_unfenced(by.name)
        asked = [
            update.operation.asked(
                update.job_id,
                update.fields,
                body=update.body,
                orchestrator_id=by.name,
                epoch=epoch,
                stated_at=update.fields.get("stated_at") or stated_at,
                expected_updated_at=update.fields.get("expected_updated_at"),
            )
            for (_, update), epoch in zip(pairs, leases.epochs_of(tokens, orchestrator_id=by.name), strict=True)
        ]
        rulings = progress.report(asked, by=by) if asked else []
        for (item, _), (step, _), ruling in zip(pairs, asked, rulings, strict=True):
            item.ruling = ruling
            item.problem = ruling.refusal(step.action) if ruling.is_refused else None

    def _result(self, item: Item) -> dict[str, Any]:
        ruling, told = item.ruling, {"jobId": item.job_id, "ok": item.problem is None}
        if ruling is not None:
            told |= {"status": ruling.job.status if ruling.job else None, "nextAction": ruling.next_action}
        if item.problem is not None:
            error = as_wire_error(item.problem)
            # What could not be read was not judged: that says nothing against the job.
            unread = {"status": None, "nextAction": "abandon" if error.code == "JOB_NOT_FOUND" else "continue"}
            return unread | told | body_of(error, self.request_id)
        if ruling is not None and ruling.is_replay:
            told |= {"replayed": True}
        return told | (remarks(ignored=item.update.unknown, replaced=item.update.replaced, most=_MOST_NAMES) if item.update else {})


def _within_limit(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results; where they would pass the limit of an answer, without what they tell in detail."""
    if len(encoded(results)) <= most_bytes():
        return results
    return [
        {key: {**value, "details": {}} if key == "error" else value for key, value in result.items() if key not in ("ignored", "replaced")}
        for result in results
    ]


def _claimed(holder: Holder, terms: dict[str, Any], *, beside_bytes: int) -> dict[str, Any]:
    """The claim after the reports, which are committed: should it fail, they must be told all the same."""
    try:
        return claim_for(holder, terms, beside_bytes=beside_bytes)
    except (DatabaseTrouble, PoolTimeout) as trouble:
        log.warning("a claim after reports failed: %s", type(trouble).__name__, exc_info=trouble)
        return told_claim([], pause_seconds=_RETRY_CLAIM_SECONDS, queue_size=0, reason="unavailable")
