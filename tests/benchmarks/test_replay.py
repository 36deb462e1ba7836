"""What was recorded of one batch is said of another."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from benchmarks.replay import Report, Statement

RECORDED = ["job_a", "job_b", "job_c"]
ITEMS = [{"ord": place, "job_id": job_id, "epoch": 1} for place, job_id in enumerate(RECORDED)]


def recorded(parameters: Mapping[str, Any] | Sequence[Any]) -> Report:
    return Report.of(Statement("…", parameters, psycopg.Cursor), RECORDED)


def test_items_in_json_name_the_other_jobs() -> None:
    report = recorded({"items": json.dumps(ITEMS), "actor": "o"})
    said = report.on(["job_x", "job_y", "job_z"])
    assert isinstance(said, dict)
    assert json.loads(said["items"]) == [{"ord": place, "job_id": f"job_{name}", "epoch": 1} for place, name in enumerate("xyz")]
    assert said["actor"] == "o"


def test_lists_name_the_other_jobs_too() -> None:
    report = recorded({"ids": RECORDED, "epochs": [1, 2, 3], "allowed": ["complete"]})
    assert report.on(["job_x", "job_y", "job_z"]) == {"ids": ["job_x", "job_y", "job_z"], "epochs": [1, 2, 3], "allowed": ["complete"]}


def test_of_fewer_jobs_nothing_more_is_said() -> None:
    report = recorded({"items": json.dumps(ITEMS), "epochs": [1, 2, 3]})
    said = report.on(["job_x"])
    assert isinstance(said, dict)
    assert [item["job_id"] for item in json.loads(said["items"])] == ["job_x"]
    assert said["epochs"] == [1]


def test_parameters_that_are_numbered_stay_in_their_places() -> None:
    said = recorded([json.dumps(ITEMS), "o", 300]).on(["job_x"])
    assert said == [json.dumps([{**ITEMS[0], "job_id": "job_x"}]), "o", 300]
