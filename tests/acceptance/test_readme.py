"""The README's own lines, run as they stand."""

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.pages import blocks, run_in_bash
from tests.server import REPOSITORY, running_server


def test_the_orchestrator_in_curl_takes_a_job_from_the_queue_to_its_end(live_db: str, tmp_path: Path) -> None:
    (script,) = [text for language, text in blocks("README.md") if language == "sh"]
    with running_server(workers=1) as server:
        answers = [json.loads(line) for line in run_in_bash(script, against=server, folder=tmp_path).splitlines()]

    enqueued, claimed, acknowledged, started, completed, history = answers
    assert enqueued["job"]["status"] == "queued"
    assert [job["id"] for job in claimed["jobs"]] == [enqueued["job"]["id"]]
    assert [answer["job"]["status"] for answer in (acknowledged, started, completed)] == ["claimed", "running", "completed"]
    assert [entry["action"] for entry in history["entries"]] == ["enqueue", "claim", "acknowledge", "start", "complete"]


@pytest.mark.parametrize(
    "page", [path.relative_to(REPOSITORY) for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]], ids=str
)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    text = (REPOSITORY / page).read_text()
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [target for target in targets if not _exists(page, target)]

    assert not missing


def _exists(page: Path, target: str) -> bool:
    path, _, heading = target.partition("#")
    file = REPOSITORY / page.parent / path if path else REPOSITORY / page
    if not heading:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return heading in [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings]
