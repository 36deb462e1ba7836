"""What every page of the documentation names is there."""

import re
from pathlib import Path

import pytest

from tests.server import REPOSITORY

PAGES = [
    path.relative_to(REPOSITORY) for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md") for path in sorted(REPOSITORY.glob(pattern))
]
each_page = pytest.mark.parametrize("page", PAGES, ids=str)
_TOPS = ("*", *(f"{folder}/**/*" for folder in ("jobs", "jobsite", "orchestration_api", "orchestrator", "tests", "docs", "benchmarks")))
# Written by the reader, and commands of Django and its applications.
_NOT_OURS = {"small.py", "axes_reset_username", "changepassword", "createsuperuser", "migrate", "collectstatic", "check"}


@each_page
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    text = (REPOSITORY / page).read_text()
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [target for target in targets if not _exists(page, target)]

    assert not missing


@each_page
def test_files_and_commands_that_a_page_names_exist(page: Path) -> None:
    text = (REPOSITORY / page).read_text()
    tree = [f"/{path.relative_to(REPOSITORY)}" for top in _TOPS for path in REPOSITORY.glob(top)]
    files = set(re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|sql|md|yaml))`", text)) - _NOT_OURS
    commands = set(re.findall(r"manage\.py ([a-z_]+)", text)) - _NOT_OURS

    assert [name for name in sorted(files) if not any(path.endswith(f"/{name}") for path in tree)] == []
    assert [name for name in sorted(commands) if not any(path.endswith(f"/management/commands/{name}.py") for path in tree)] == []


def _exists(page: Path, target: str) -> bool:
    path, _, heading = target.partition("#")
    file = REPOSITORY / page.parent / path if path else REPOSITORY / page
    if not heading:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return heading in [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings]
