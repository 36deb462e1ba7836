"""Types of jobs: what waits, what goes in and out, how long it takes, what fails; and one of them with how it is tried again."""

from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Now
from django.http import Http404

from jobs import type_figures
from jobs.models import FailureCount, FailureGroup, PauseScope
from jobs.times import in_round_words
from jobs.type_figures import COUNTED_OF_EACH, COUNTED_OF_ONE, LATELY, Figures
from jobs.views.claim_acts import type_offers
from jobs.views.page import Page

# What is told of one type.
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MOST_GROUPS = 5


class TypesPage(Page):
    shell = "pages/types.html"
    live = "pages/_types.html"
    permission = "jobs.view_jobtype"

    def shell_context(self) -> dict[str, Any]:
        return {"title": "Types", "prefix": self.request.GET.get("q", "")}

    def live_context(self) -> dict[str, Any]:
        prefix = self.request.GET.get("q", "").strip()
        all_types = type_figures.all_types()
        pauses = {one.pause.name: one.pause for one in all_types if one.pause}
        return {
            "types": [one for one in all_types if one.name.startswith(prefix)],
            "has_any": bool(all_types),
            "site_pause": pauses.get(""),
            "most_counted": COUNTED_OF_EACH,
            "minutes": LATELY // timedelta(minutes=1),
        }


class TypePage(Page):
    shell = "pages/type.html"
    live = "pages/_type.html"
    permission = "jobs.view_jobtype"

    def shell_context(self) -> dict[str, Any]:
        return {"title": self.kwargs["name"]}

    def live_context(self) -> dict[str, Any]:
        name = self.kwargs["name"]
        one = None if "\0" in name else type_figures.of_type(name, period=_HOUR)
        if one is None:
            raise Http404("There is no type of this name.")
        made, ended, failed = zip(*((flow.made, flow.ended, flow.failed) for _, flow in one.history), strict=True)
        return {
            "one": one,
            "most_counted": COUNTED_OF_ONE,
            "made": made,
            "ended": ended,
            "failed": failed,
            "policy": _policy(one),
            "groups": _worst_groups(name),
            "offers": type_offers(self.request.user, name, is_paused=one.pause is not None and one.pause.scope == PauseScope.TYPE),
        }


def _worst_groups(name: str) -> "QuerySet[FailureGroup]":
    """Those in which most of a type failed in the last day. Plan: failure_groups_seen; of each, its hours by their key."""
    hours = FailureCount.objects.filter(fingerprint=OuterRef("fingerprint"), hour__gt=Now() - _DAY).order_by().values("fingerprint")
    seen = FailureGroup.objects.filter(last_seen_at__gt=Now() - _DAY, type=name)
    counted = seen.annotate(lately=Coalesce(Subquery(hours.annotate(sum=Sum("failures")).values("sum")), 0))
    return counted.order_by("-lately", "fingerprint")[:_MOST_GROUPS]


def _policy(one: Figures) -> list[tuple[str, str, bool]]:
    """What holds for jobs of a type: its name, in words, and whether it was said of this type."""
    said = one.job_type
    base, cap = (in_round_words(said.in_force(part)) for part in ("backoff_base_seconds", "backoff_cap_seconds"))
    categories = said.retryable_categories
    tried = "all but what trying again can't mend" if categories is None else ", ".join(categories) or "nothing"
    limit = "any number" if said.concurrency_limit is None else f"{one.slots} of {said.concurrency_limit}"
    return [
        ("Held together", limit, said.concurrency_limit is not None),
        ("Attempts", str(said.in_force("max_attempts")), said.max_attempts is not None),
        ("Time limit", in_round_words(said.in_force("timeout_seconds")), said.timeout_seconds is not None),
        ("Before a retry", f"{base}, doubling to {cap}", (said.backoff_base_seconds, said.backoff_cap_seconds) != (None, None)),
        ("Tried again on", tried, categories is not None),
    ]
