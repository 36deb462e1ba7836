"""Every page, in both themes, at both widths: nothing that the browser, the policy or axe complains of."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from playwright.sync_api import Page

from jobs import bulk
from jobs.bulk import Selection
from jobs.demo import seeding
from jobs.lifecycle import Status
from jobs.models import Job
from tests.browser import axe
from tests.browser.conftest import Visitor
from tests.factories import STAFF
from tests.server import Server
from tests.tour import EXAMPLES, admin_pages, pages


@pytest.fixture(scope="module")
def addresses(site: Server) -> dict[str, str]:
    seeding.seed(count=400, now=datetime.now(UTC), over=timedelta(days=3), chance=1)
    seeding.fold()
    failed = Job.objects.filter(status=Status.FAILED).values_list("id", flat=True)[:3]
    bulk.create("retry", Selection(ids=list(failed)), by=STAFF)
    # Of every thing that a page is about there is one.
    assert pages().keys() >= EXAMPLES.keys()
    return pages() | admin_pages()


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_gives_reason_to_complain(addresses: dict[str, str], visit: Visitor, theme: Literal["light", "dark"], narrow: bool) -> None:
    visitor = visit("admin", theme=theme, narrow=narrow)
    found: list[str] = []
    for name, address in addresses.items():
        visitor.open(address)
        said = [*visitor.complaints, *axe.findings(visitor.page), *_too_wide(visitor.page)]
        found += [f"{name} {address}: {words}" for words in said]
        visitor.complaints.clear()

    assert not found, "\n".join(found)


def _too_wide(page: Page) -> list[str]:
    """What sticks out of a window makes the whole page scroll sideways."""
    excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{excess} px wider than the window"] if excess > 0 else []


def test_the_login_and_what_is_not_there_give_none_either(visit: Visitor) -> None:
    found: list[str] = []
    for role, address in ((None, "/admin/login/"), ("viewer", "/nowhere"), ("no role", "/audit")):
        for theme in ("light", "dark"):
            visitor = visit(role, theme=theme)
            # That it is not there, or not for them, is told to the console, too.
            visitor.forgive("status of 404", "status of 403")
            visitor.open(address)
            found += [f"{address}: {words}" for words in (*visitor.complaints, *axe.findings(visitor.page))]

    assert not found, "\n".join(found)
