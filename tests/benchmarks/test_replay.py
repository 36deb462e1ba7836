"""What was recorded of one batch is said of another."""

import json

from benchmarks.replay import Report, Statement

RECORDED = ["job_a", "job_b", "job_c"]
ITEMS = [{"job_id": job_id, "epoch": 1} for job_id in RECORDED]


def test_items_in_json_name_the_other_jobs() -> None:
    report = Report.of(Statement(b"...", [json.dumps(ITEMS), "o"]), RECORDED)
    items, actor = report.on(["job_x", "job_y", "job_z"])
    assert json.loads(items) == [{"job_id": f"job_{name}", "epoch": 1} for name in "xyz"]
    assert actor == "o"


def test_lists_name_the_other_jobs_too() -> None:
    report = Report.of(Statement(b"...", [RECORDED, [1, 2, 3], ["complete"]]), RECORDED)
    assert report.on(["job_x", "job_y", "job_z"]) == [["job_x", "job_y", "job_z"], [1, 2, 3], ["complete"]]


def test_of_fewer_jobs_nothing_more_is_said() -> None:
    report = Report.of(Statement(b"...", [json.dumps(ITEMS), [1, 2, 3]]), RECORDED)
    items, epochs = report.on(["job_x"])
    assert [item["job_id"] for item in json.loads(items)] == ["job_x"]
    assert epochs == [1]
