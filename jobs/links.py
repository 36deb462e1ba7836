"""Where lists of jobs are, for links: the address of the page of jobs under a filter. (Other pages are reversed by their names.)"""

from urllib.parse import urlencode

from django.urls import reverse

from jobs.lifecycle import Status


def jobs_where(**filters: str) -> str:
    """The list of the jobs that a filter finds.

    Args:
        filters: as in an address of the page (jobs/filters.py); none for all.
    """
    asked = f"?{urlencode(filters, safe=':,')}" if filters else ""
    return reverse("pages:jobs") + asked


def failed_alike(fingerprint: str, orchestrator: str = "") -> str:
    """The list of the jobs that stand failed alike, of those that ran on an orchestrator if one is named: as many as their group counts."""
    ran_on = {"orchestratorId": orchestrator} if orchestrator else {}
    return jobs_where(status=Status.FAILED.value, fingerprint=fingerprint, **ran_on)
