"""The README's own lines, run as they stand."""

import json
from pathlib import Path

from tests.acceptance.pages import blocks, run_in_bash
from tests.server import running_server


def test_the_orchestrator_in_curl_takes_a_job_from_the_queue_to_its_end(live_db: str, tmp_path: Path) -> None:
    (script,) = [text for language, text in blocks("README.md") if language == "sh"]
    with running_server(workers=1) as server:
        answers = [json.loads(line) for line in run_in_bash(script, against=server, folder=tmp_path).splitlines()]

    enqueued, claimed, acknowledged, started, completed, history = answers
    assert enqueued["job"]["status"] == "queued"
    assert [job["id"] for job in claimed["jobs"]] == [enqueued["job"]["id"]]
    assert [answer["job"]["status"] for answer in (acknowledged, started, completed)] == ["claimed", "running", "completed"]
    assert [entry["action"] for entry in history["entries"]] == ["enqueue", "claim", "acknowledge", "start", "complete"]
