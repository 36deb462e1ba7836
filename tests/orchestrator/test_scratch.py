"""The lock of the scratch folder: one process at a time has it, also while another is taking it away."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from orchestrator.scratch import Scratch, ScratchUnusable
from orchestrator.script import LANGUAGES, Script


def scratch_in(parent: Path) -> Scratch:
    return Scratch(parent=parent, url="http://a", orchestrator_id="o", user=None)


def test_a_clean_close_leaves_nothing(tmp_path: Path) -> None:
    scratch = scratch_in(tmp_path)
    scratch.prepare()
    scratch.close()
    assert not scratch.base.exists()


def test_what_was_not_sent_is_kept_for_the_next_start(tmp_path: Path) -> None:
    scratch = scratch_in(tmp_path)
    scratch.prepare()
    (scratch.spool_folder / "unsent").write_text("x")
    scratch.close()
    again = scratch_in(tmp_path)
    again.prepare()
    assert (again.spool_folder / "unsent").exists()


def test_one_who_was_refused_does_not_take_the_folder_away(tmp_path: Path) -> None:
    first, second = scratch_in(tmp_path), scratch_in(tmp_path)
    first.prepare()
    with pytest.raises(ScratchUnusable, match="another orchestrator with this id"):
        second.prepare()
    second.close()
    first.make_folder("job_1", Script(LANGUAGES["BASH"], "true", {}, {}))


def test_of_many_who_come_and_go_at_once_only_one_at_a_time_has_the_folder(tmp_path: Path) -> None:
    scratches, marks = tmp_path / "scratch", tmp_path / "marks"
    marks.mkdir()
    processes = [multiprocessing.get_context("spawn").Process(target=_come_and_go, args=(scratches, marks, 1.5)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(list(marks.iterdir())) > 20
    assert not list(scratches.iterdir())


def _come_and_go(scratches: Path, marks: Path, seconds: float) -> None:
    end, turns = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        scratch = scratch_in(scratches)
        try:
            scratch.prepare()
        except ScratchUnusable:
            continue
        # Fails if another has it, too.
        os.close(os.open(scratches / "mine", os.O_CREAT | os.O_EXCL))
        os.unlink(scratches / "mine")
        turns += 1
        scratch.close()
        (marks / f"{os.getpid()}-{turns}").touch()
