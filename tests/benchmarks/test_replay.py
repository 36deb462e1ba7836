"""What was recorded of one batch is said of another."""

import json

from benchmarks.replay import Report, Statement

RECORDED = ["job_a", "job_b", "job_c"]
ITEMS = [{"ord": place, "job_id": job_id, "epoch": 1} for place, job_id in enumerate(RECORDED)]


def test_items_in_json_name_the_other_jobs() -> None:
    report = Report.of(Statement("…", {"items": json.dumps(ITEMS), "actor": "o"}), RECORDED)
    said = report.on(["job_x", "job_y", "job_z"])
    assert json.loads(said["items"]) == [{"ord": place, "job_id": f"job_{name}", "epoch": 1} for place, name in enumerate("xyz")]
    assert said["actor"] == "o"


def test_lists_name_the_other_jobs_too() -> None:
    report = Report.of(Statement("…", {"ids": RECORDED, "epochs": [1, 2, 3], "allowed": ["complete"]}), RECORDED)
    assert report.on(["job_x", "job_y", "job_z"]) == {"ids": ["job_x", "job_y", "job_z"], "epochs": [1, 2, 3], "allowed": ["complete"]}


def test_of_fewer_jobs_nothing_more_is_said() -> None:
    report = Report.of(Statement("…", {"items": json.dumps(ITEMS), "epochs": [1, 2, 3]}), RECORDED)
    said = report.on(["job_x"])
    assert [item["job_id"] for item in json.loads(said["items"])] == ["job_x"]
    assert said["epochs"] == [1]
