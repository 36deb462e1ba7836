"""How a script ends is what the server is told."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.orchestrator.conftest import StartOrchestrator, is_alive
from tests.orchestrator.played_site import PlayedSite

SCRIPT_ENDINGS = {
    "BASH exit code": ("BASH", "echo working; echo 'no such customer' >&2; exit 3", 3, None, "ExitCode", "no such customer"),
    "BASH silent exit code": ("BASH", "exit 7", 7, None, "ExitCode", "Exit code 7"),
    "BASH syntax error": ("BASH", "if then", 2, None, "ExitCode", None),
    "PYTHON exit code": ("PYTHON", "import sys; sys.exit(4)", 4, None, "ExitCode", "Exit code 4"),
    "PYTHON exception": ("PYTHON", "def f():\n    raise ValueError('boom')\nf()", 1, "exception", "ValueError", "ValueError: boom"),
    "PYTHON exception without words": ("PYTHON", "raise KeyError", 1, "exception", "KeyError", "KeyError"),
    "PYTHON syntax error": ("PYTHON", "x = = 1", 1, "exception", "SyntaxError", "SyntaxError: invalid syntax"),
    "BASH killed by itself": ("BASH", "kill -9 $$", -9, "signal", "Signal", "Killed by SIGKILL (signal 9)"),
    "BASH terminated by itself": ("BASH", "kill $$; sleep 5", -15, "signal", "Signal", "Killed by SIGTERM (signal 15)"),
    "PYTHON hung up on": ("PYTHON", "import os; os.kill(os.getpid(), 1)", -1, "signal", "Signal", "Killed by SIGHUP (signal 1)"),
    "BASH with SIGTERM of its own": ("BASH", "trap 'echo bye; exit 143' TERM; kill $$", 143, None, "ExitCode", "Exit code 143"),
}
NODE_ENDINGS = {
    "NODEJS exit code": ("NODEJS", "process.exit(5)", 5, None, "ExitCode", "Exit code 5"),
    "NODEJS exception": ("NODEJS", "function f() { throw new TypeError('boom') }\nf()", 1, "exception", "TypeError", "TypeError: boom"),
    "NODEJS rejection": ("NODEJS", "Promise.reject(new Error('late'))", 1, "exception", "Error", "Error: late"),
    "NODEJS thrown word": ("NODEJS", "throw 'just words'", 1, "exception", "Error", "just words"),
}


def test_a_script_that_succeeds_is_acknowledged_started_and_completed(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", "echo hello; echo oops >&2")
    start_orchestrator()
    report = server.wait_for_end(job_id)
    assert server.verbs(job_id) == ["acknowledge", "status", "complete"]
    assert report["status"] == "completed"
    assert report["exitCode"] == 0
    assert report["output"] == {"stdout": "hello\n", "stderr": "oops\n"}
    assert (report["metrics"]["stdoutLines"], report["metrics"]["stderrBytes"]) == (1, 5)
    assert server.lines(job_id) == ["hello"]
    assert server.lines(job_id, "stderr") == ["oops"]


def test_each_way_to_fail_is_reported_as_what_it_is(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    endings = SCRIPT_ENDINGS | (NODE_ENDINGS if shutil.which("node") else {})
    job_ids = {name: server.enqueue_script(kind, content) for name, (kind, content, *_) in endings.items()}
    start_orchestrator("--max-jobs", "4")
    for name, (_, _, exit_code, category, error_type, message) in endings.items():
        report = server.wait_for_end(job_ids[name])
        assert server.verbs(job_ids[name]) == ["acknowledge", "status", "fail"], name
        assert report["exitCode"] == exit_code, name
        assert report.get("category") == category, (name, report)
        assert report["error"]["type"] == error_type, (name, report)
        assert message is None or report["error"]["message"] == message, (name, report)


def test_a_missing_interpreter_is_a_matter_of_configuration(
    server: PlayedSite, start_orchestrator: StartOrchestrator, temporary_folder: Path
) -> None:
    (temporary_folder / "bash").symlink_to("/bin/bash")
    job_id, other_id = server.enqueue_script("NODEJS", "console.log(1)"), server.enqueue_script("BASH", "echo still here")
    start_orchestrator(PATH=str(temporary_folder))
    report = server.wait_for_end(job_id)
    assert report == {"category": "configuration", "error": {"type": "ConfigurationError", "message": "node is not installed here"}}
    assert server.wait_for_end(other_id)["output"]["stdout"] == "still here\n"


def test_a_payload_that_can_not_be_run_is_a_matter_of_configuration(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    unknown_id, too_large_id = server.enqueue_script("COBOL"), server.enqueue_script("BASH", environment={"A": "x" * 200_000})
    start_orchestrator()
    for job_id, words in ((unknown_id, "not 'COBOL'"), (too_large_id, "larger than this system")):
        report = server.wait_for_end(job_id)
        assert report["category"] == "configuration"
        assert words in report["error"]["message"]


def test_a_full_or_forbidden_scratch_folder_is_the_orchestrators_own_fault(
    server: PlayedSite, start_orchestrator: StartOrchestrator, temporary_folder: Path
) -> None:
    start_orchestrator()
    server.wait_for(lambda: server.sent("/jobs/claim"))
    (scripts,) = temporary_folder.glob("*/scripts")
    scripts.rmdir()
    report = server.wait_for_end(server.enqueue_script())
    assert report["category"] == "system"
    assert "can't make a scratch folder" in report["error"]["message"]


def test_a_timeout_ends_a_script_that_will_not_and_all_its_descendants(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    stubborn = "trap '' TERM; sleep 300 & setsid sleep 301 & echo $! $$; while true; do sleep 0.1; done"
    polite = "trap 'echo cleaned up; exit 0' TERM; sleep 300 & echo $! $$; wait"
    stubborn_id, polite_id = server.enqueue_script("BASH", stubborn, timeout=1), server.enqueue_script("BASH", polite, timeout=1)
    start_orchestrator()
    for job_id, least, most in ((polite_id, 1000, 3000), (stubborn_id, 6000, 9000)):
        report = server.wait_for_end(job_id)
        assert (report["exitCode"], report["category"]) == (-1, "timeout")
        assert report["error"]["message"] == "Timed out after 1 s"
        assert least <= report["metrics"]["durationMilliseconds"] < most
        assert not any(is_alive(int(pid)) for pid in server.lines(job_id)[0].split())
    assert server.lines(polite_id)[1] == "cleaned up"


def test_what_a_script_leaves_running_ends_with_it(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script(
        "BASH", "sleep 300 & echo $!; setsid sleep 301 & echo $!; (setsid bash -c 'trap \"\" TERM; sleep 302' &) ; exit 0"
    )
    start_orchestrator()
    report = server.wait_for_end(job_id)
    assert report["status"] == "completed"
    assert report["metrics"]["durationMilliseconds"] < 2000
    assert not any(is_alive(int(pid)) for pid in server.lines(job_id))


def test_a_cancel_stops_the_script_and_is_reported_as_cancelled(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    noisy_id = server.enqueue_script("BASH", "while true; do echo tick; sleep 0.1; done")
    silent_id = server.enqueue_script("BASH", "exec sleep 300")
    start_orchestrator("--heartbeat-interval", "0.5")
    server.wait_for_status(noisy_id, "running")
    server.wait_for_status(silent_id, "running")
    for job_id in (noisy_id, silent_id):
        server.request_cancel(server.jobs[job_id])
    for job_id in (noisy_id, silent_id):
        report = server.wait_for_end(job_id, seconds=4)
        assert report["status"] == "cancelled"
        assert "exitCode" not in report
        assert "error" not in report


def test_a_job_cancelled_before_it_began_never_runs(server: PlayedSite, start_orchestrator: StartOrchestrator, tmp_path: Path) -> None:
    job_id = server.enqueue_script("BASH", "echo ran", cancel_when_claimed=True)
    start_orchestrator()
    assert server.wait_for_end(job_id) == {"status": "cancelled"}
    assert server.verbs(job_id) == ["acknowledge", "complete"]


@pytest.mark.parametrize("by", ["heartbeat", "logs"])
def test_an_abandoned_job_is_killed_and_nothing_more_is_reported(
    by: str, server: PlayedSite, start_orchestrator: StartOrchestrator
) -> None:
    noise = "while true; do echo tick; sleep 0.1; done" if by == "logs" else "exec sleep 300"
    job_id = server.enqueue_script("BASH", f"trap '' TERM; echo $$; {noise}")
    start_orchestrator("--heartbeat-interval", "0.5" if by == "heartbeat" else "30")
    server.wait_for(lambda: server.lines(job_id))
    server.hand_to(server.jobs[job_id])
    server.wait_for(lambda: not is_alive(int(server.lines(job_id)[0])), seconds=4)
    after = server.wait_for_end(server.enqueue_script())
    assert after["status"] == "completed"
    assert server.verbs(job_id) == ["acknowledge", "status"]


def test_a_script_gets_the_default_signals(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    # An ignored SIGPIPE would make `yes | head` report errors, and leave it running in worse shells.
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        start_orchestrator()
    finally:
        signal.signal(signal.SIGINT, ignored)
    job_id = server.enqueue_script("BASH", "grep SigIgn /proc/self/status; set -o pipefail; yes | head -1; echo ${PIPESTATUS[0]}")
    report = server.wait_for_end(job_id)
    ignored_signals, yes, status = report["output"]["stdout"].splitlines()
    assert int(ignored_signals.split()[1], 16) & ~(1 << 31) & ((1 << 31) - 1) == 0
    assert (yes, status) == ("y", str(128 + signal.SIGPIPE))
