"""A browser, and who looks through it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.site import person, served, session_of
from tests.browser.visit import Visit
from tests.server import Server

Visitor = Callable[..., Visit]
_NARROW = {"width": 390, "height": 844}
_WIDE = {"width": 1440, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium(template_database: str) -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names. (After the database: where a loop runs, Django keeps another connection.)"""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing = "There is no Chromium: apt-get install chromium, or name one by CHROMIUM."
        # Where they must pass, none is passed over.
        if os.environ.get("JOBSITE_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright's loop runs in this thread; Django would take it for one that must not wait for a database.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(chromium: Browser, module_db: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server, for all tests of a module."""
    with served(tmp_path_factory.mktemp("static")) as server:
        yield server


@pytest.fixture
def visit(site: Server, chromium: Browser) -> Iterator[Visitor]:
    """Opens a window for somebody: `visit("operator", theme="dark", narrow=True)`. What it complains of fails the test."""
    visits: list[Visit] = []

    def enter(
        role: str | None, *, theme: Literal["light", "dark"] = "light", narrow: bool = False, scripts: bool = True, zone: str = "UTC"
    ) -> Visit:
        context = chromium.new_context(
            base_url=site.url,
            viewport=_NARROW if narrow else _WIDE,  # type: ignore[arg-type]  # a ViewportSize
            color_scheme=theme,
            java_script_enabled=scripts,
            timezone_id=zone,
            reduced_motion="reduce",
        )
        context.set_default_timeout(10_000)
        if role:
            context.add_cookies([{"name": "sessionid", "value": session_of(person(role)), "url": site.url}])
        visits.append(Visit(context))
        return visits[-1]

    yield enter
    complaints = [complaint for one in visits for complaint in one.complaints]
    for one in visits:
        one.page.context.close()
    assert complaints == []
