"""The fleet: who is there, who is missed, and how much room there is."""

from datetime import timedelta
from typing import Any

from jobs import roster
from jobs.fleet import COUNTED_TO
from jobs.health import Health, late_after, offline_after
from jobs.times import in_words
from jobs.views.page import Page


class FleetPage(Page):
    shell = "pages/fleet.html"
    live = "pages/_fleet.html"
    permission = "jobs.view_orchestrator"

    def shell_context(self) -> dict[str, Any]:
        return {"title": "Fleet"}

    def live_context(self) -> dict[str, Any]:
        members = roster.roster()
        return {
            "members": members,
            "missed": [one for one in members if one.is_missed],
            "sums": (sums := roster.sums(members)),
            "live": sums.by_health[Health.LIVE],
            "stopped": sums.by_health[Health.DRAINED] + sums.by_health[Health.DISABLED],
            "most_counted": COUNTED_TO,
            "has_more": len(members) == roster.MOST_LISTED,
            "late_after": _told(late_after()),
            "offline_after": _told(offline_after()),
            "start": f"JOBSITE_TOKEN=… python -m orchestrator --url {self.request.build_absolute_uri('/').rstrip('/')} --id orch-1",
        }


def _told(span: timedelta) -> str:
    return in_words(span).removesuffix(" 00s")
