"""Output of any size and any bytes becomes log lines, all of it, and a tail for the report."""

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.conformance.site.faults import Fault
from orchestrator.output import LONGEST_LINE_BYTES, TAIL_BYTES, Stream
from orchestrator.spool import Line, Spool
from tests.orchestrator.conftest import StartOrchestrator
from tests.orchestrator.played_site import PlayedSite


@given(st.lists(st.binary(max_size=200) | st.sampled_from([b"\n", b"", b"\r\n", "é€😀".encode()])))
def test_lines_glued_together_are_the_output_however_it_was_read(chunks: list[bytes]) -> None:
    stream = Stream(1)
    lines = [line for chunk in chunks for line in stream.feed(chunk)]
    lines += stream.end()
    whole = b"".join(chunks)
    assert [line.content for line in lines] == (whole.removesuffix(b"\n").split(b"\n") if whole else [])
    assert (stream.bytes, stream.lines) == (len(whole), len(lines))
    assert stream.tail() == whole.decode("utf-8", "replace")


@pytest.mark.parametrize("unit", ["x", "é", "€", "😀"])
def test_a_very_long_line_is_split_between_characters_and_loses_nothing(unit: str) -> None:
    stream = Stream(1)
    whole = ("a" + unit * 100_000).encode()
    lines = [line for start in range(0, len(whole), 7777) for line in stream.feed(whole[start : start + 7777])] + stream.end()
    assert "".join(line.content.decode() for line in lines) == whole.decode()
    assert max(len(line.content) for line in lines) <= LONGEST_LINE_BYTES
    assert stream.lines == 1


def test_the_tail_is_the_last_256_kib_and_begins_with_a_whole_character() -> None:
    stream = Stream(1)
    for _ in range(1000):
        stream.feed("a€".encode() * 1001)
    tail = stream.tail()
    assert TAIL_BYTES - 3 <= len(tail.encode()) <= TAIL_BYTES
    assert "\ufffd" not in tail
    assert stream.bytes == 4_004_000


def test_a_spool_gives_back_what_it_was_given_and_begins_anew_when_empty(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    lines = [Line(1 + number % 2, number, b"x" * number) for number in range(300)]
    taken: list[Line] = []
    for start in range(0, 300, 50):
        assert spool.append(lines[start : start + 50])
        taken += spool.take(max_bytes=1000, max_lines=10, wait_seconds=0)
    spool.finish()
    while not spool.drained:
        taken += spool.take(max_bytes=1000, max_lines=1000, wait_seconds=0)
    assert taken == lines
    spool.close()
    assert not list(tmp_path.iterdir())


def test_a_full_spool_makes_its_writer_wait_until_it_was_emptied(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit_bytes=1000)
    spool.append([Line(1, 0.0, b"x" * 2000)])
    writer = threading.Thread(target=spool.append, args=([Line(1, 1.0, b"later")],))
    writer.start()
    writer.join(0.2)
    assert writer.is_alive()
    assert len(spool.take(max_bytes=1, max_lines=1, wait_seconds=0)[0].content) == 2000
    writer.join(5)
    assert spool.take(max_bytes=100, max_lines=1, wait_seconds=0) == [Line(1, 1.0, b"later")]
    spool.close()


def test_a_closed_spool_frees_its_writer_and_its_reader(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit_bytes=0)
    answers: list[object] = []
    writer = threading.Thread(target=lambda: answers.append(spool.append([Line(1, 0.0, b"x")])))
    reader = threading.Thread(target=lambda: answers.append(spool.take(max_bytes=1, max_lines=1, wait_seconds=60)))
    writer.start()
    reader.start()
    spool.close()
    writer.join(5)
    reader.join(5)
    assert sorted(answers, key=str) == [False, []]


def test_lines_arrive_while_the_script_runs(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("PYTHON", "import time\nprint('first')\ntime.sleep(60)")
    start_orchestrator()
    server.wait_for_status(job_id, "running")
    began = time.monotonic()
    server.wait_for(lambda: server.lines(job_id) == ["first"], seconds=3)
    assert time.monotonic() - began < 1.5
    assert server.jobs[job_id].status == "running"


def test_bytes_that_are_no_text_arrive_as_replacement_characters(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", r"printf 'ok\n\xff\xfe\x00\x80\nlast without end'; head -c 100000 /dev/urandom >&2")
    start_orchestrator()
    report = server.wait_for_end(job_id)
    assert report["output"]["stdout"] == "ok\n\ufffd\ufffd\0\ufffd\nlast without end"
    server.wait_for(lambda: server.lines(job_id) == ["ok", "\ufffd\ufffd\0\ufffd", "last without end"])
    assert report["metrics"]["stderrBytes"] == 100_000


def test_twenty_megabytes_reach_a_slow_server_whole_in_bounded_memory(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    server.faults = [Fault("/logs", "slow", times=4, seconds=0.5), Fault("/logs", 503, times=2), Fault("/logs", "lost", times=1)]
    content = "import sys\nfor n in range(200_000):\n    sys.stdout.write(f'{n:099d}\\n')\nsys.stderr.write('x' * 1_000_000)"
    job_id = server.enqueue_script("PYTHON", content)
    orchestrator = start_orchestrator()
    server.wait_for(lambda: server.lines(job_id))
    before = _peak_memory_mib(orchestrator.pid)
    report = server.wait_for_end(job_id, seconds=60)
    assert report["exitCode"] == 0
    assert (report["metrics"]["stdoutBytes"], report["metrics"]["stdoutLines"]) == (20_000_000, 200_000)
    assert report["output"]["stdout"] == "".join(f"{n:099d}\n" for n in range(200_000))[-TAIL_BYTES:]
    server.wait_for(
        lambda: server.count_of_lines(job_id) >= 200_000 and len("".join(server.lines(job_id, "stderr"))) == 1_000_000, seconds=60
    )
    assert server.lines(job_id) == [f"{n:099d}" for n in range(200_000)]
    assert _peak_memory_mib(orchestrator.pid) < before + 40
    assert all(len(str(request.headers["content-length"])) <= 7 for request in server.sent("/logs"))


def test_a_script_does_not_wait_for_a_server_that_takes_no_logs(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    server.faults = [Fault("/logs", 503, times=1000)]
    job_id = server.enqueue_script("BASH", "head -c 5000000 /dev/zero | tr '\\0' 'x' | fold -w 100; date +%s%N >&2")
    start_orchestrator()
    report = server.wait_for_end(job_id)
    assert report["exitCode"] == 0
    assert report["metrics"]["durationMilliseconds"] < 3000
    server.faults[0].times = 0
    server.wait_for(lambda: server.count_of_lines(job_id) == 50_001, seconds=30)


def test_progress_is_told_with_the_next_heartbeat_and_stays_in_the_output(
    server: PlayedSite, start_orchestrator: StartOrchestrator
) -> None:
    steps = ["10 Reading", "60% Crunching numbers", "101 is no percentage"]
    job_id = server.enqueue_script("BASH", "; sleep 1.5; ".join(f"echo JOBSITE_PROGRESS {step}" for step in steps))
    start_orchestrator()
    report = server.wait_for_end(job_id)
    assert server.jobs[job_id].progress == [{"percentage": 10, "message": "Reading"}, {"percentage": 60, "message": "Crunching numbers"}]
    assert "JOBSITE_PROGRESS 60% Crunching numbers\n" in report["output"]["stdout"]
    assert len(server.sent("/heartbeat")) <= 6


def _peak_memory_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
