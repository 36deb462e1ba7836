"""`bin/screenshots`: pictures of the pages for the documentation, of a seeded site of their own."""

import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.scratch import scratch_databases
from tests.server import REPOSITORY

FOLDER = REPOSITORY / "docs" / "images"
# Name of the page (tests/tour.py), as wide and high as it is shown, and its theme.
PICTURES = (
    ("overview", 1440, 1000, "light"),
    ("overview", 1440, 1000, "dark"),
    ("jobs", 1440, 900, "light"),
    ("job", 1440, 1000, "light"),
    ("failures", 1440, 900, "dark"),
    ("failure_group", 1440, 1000, "light"),
    ("fleet", 1440, 900, "light"),
    ("types", 1440, 900, "dark"),
    ("audit", 1440, 900, "light"),
    ("jobs", 390, 844, "light"),
    ("job", 390, 844, "dark"),
)
JOBS = 20_000


def main() -> int:
    """Takes all of them. Returns the exit code."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        print("bin/screenshots: there is no Chromium: apt-get install chromium.", file=sys.stderr)  # noqa: T201
        return 1
    with scratch_databases([], environment={"DJANGO_ALLOW_ASYNC_UNSAFE": "true"}) as server:
        from jobs.demo import seeding
        from tests.browser.site import person, served, session_of
        from tests.tour import pages

        seeding.seed(count=JOBS, now=datetime.now(UTC), over=timedelta(days=7), chance=1)
        seeding.fold()
        addresses, session = pages(), session_of(person("admin"))
        with served(Path(server.layout.data_dir, "pictures")) as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, width, height, theme in PICTURES:
                context = browser.new_context(
                    base_url=site.url,
                    viewport={"width": width, "height": height},
                    color_scheme=theme,  # type: ignore[arg-type]  # light or dark
                )
                context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
                page = context.new_page()
                page.goto(addresses[name], wait_until="networkidle")
                page.screenshot(path=FOLDER / f"{name}-{width}-{theme}.png")
                context.close()
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
