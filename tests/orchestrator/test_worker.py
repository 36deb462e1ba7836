"""The orchestrator as a process: many jobs at once, faults on the way, drains and crashes."""

import itertools
import signal
import time
from functools import partial
from pathlib import Path

from orchestrator.conformance.site.faults import Fault
from orchestrator.conformance.site.jobs import LeaseLengths
from tests.orchestrator.conftest import StartOrchestrator, is_alive
from tests.orchestrator.played_site import PlayedSite


def test_as_many_jobs_run_at_once_as_it_has_room_for(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_ids = [server.enqueue_script("BASH", "sleep 0.8") for _ in range(5)]
    start_orchestrator("--max-jobs", "2")
    most = 0
    while not all(server.jobs[job_id].status == "completed" for job_id in job_ids):
        most = max(most, sum(job.status == "running" for job in list(server.jobs.values())))
        time.sleep(0.01)
    assert most == 2
    assert all(request.body["batchSize"] <= 2 for request in server.sent("/claim"))


def test_a_long_job_keeps_no_other_from_being_claimed(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    long_id = server.enqueue_script("BASH", "exec sleep 300")
    start_orchestrator("--max-jobs", "2")
    server.wait_for_status(long_id, "running")
    for _ in range(3):
        server.wait_for_end(server.enqueue_script())
    claim_ids = [request.body["claimId"] for request in server.sent("/claim")]
    assert len(set(claim_ids)) == len(claim_ids) < 10


def test_only_the_types_it_was_told_are_claimed(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    start_orchestrator("--types", "report, import", "--max-jobs", "7")
    server.wait_for(lambda: server.sent("/claim") and server.sent("/heartbeat"))
    claim = server.sent("/claim")[0].body
    assert (claim["jobTypes"], claim["batchSize"], claim["wait"]) == (["report", "import"], 7, 1)
    heartbeat = server.sent("/heartbeat")[0].body
    assert heartbeat["capacity"] == {"maxJobs": 7, "currentJobs": 0, "availableSlots": 7}
    assert heartbeat["jobTypes"] == ["report", "import"]
    assert {"orchestratorId", "timestamp", "version", "hostname"} <= set(heartbeat)


def test_what_it_has_is_declared_with_every_claim_and_heartbeat(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    start_orchestrator("--labels", "gpu,region:eu")
    server.wait_for(lambda: server.sent("/claim") and server.sent("/heartbeat"))
    said = [*server.sent("/claim"), *server.sent("/heartbeat")]
    assert [request.body["labels"] for request in said] == [["gpu", "region:eu"]] * len(said)


def test_without_labels_it_says_that_it_has_none_and_each_process_has_a_name_of_its_own(
    server: PlayedSite, start_orchestrator: StartOrchestrator
) -> None:
    for number in (1, 2):
        process = start_orchestrator()
        server.wait_for(partial(_has_heard_of, server, processes=number))
        process.terminate()
        process.wait(20)
    assert {tuple(request.body["labels"]) for request in server.sent("/heartbeat")} == {()}


def test_without_long_polls_it_claims_at_its_poll_interval(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    start_orchestrator("--wait", "0", "--poll-interval", "0.5")
    server.wait_for(lambda: len(server.sent("/claim")) >= 4)
    times = [request.at for request in server.sent("/claim")]
    assert all(0.45 < later - earlier < 1.0 for earlier, later in itertools.pairwise(times))


def test_a_lost_claim_answer_loses_no_job(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script()
    server.faults = [Fault("/claim", "lost"), Fault("/claim", 503)]
    start_orchestrator()
    server.wait_for_end(job_id)
    claims = [request.body["claimId"] for request in server.sent("/claim")]
    assert claims[0] == claims[1] == claims[2]
    assert server.jobs[job_id].epoch == 1


def test_heartbeats_name_what_runs_with_its_lease_at_most_once_a_second(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    server.lengths = LeaseLengths(heartbeat=3)
    start_orchestrator("--heartbeat-interval", "0.1")
    job_id = server.enqueue_script("BASH", "sleep 30")
    server.wait_for(lambda: server.sent("/heartbeat") and server.sent("/heartbeat")[-1].body["runningJobs"])
    running = server.sent("/heartbeat")[-1].body
    assert running["runningJobs"] == [{"jobId": job_id, "leaseToken": server.tokens.token_of(server.jobs[job_id])}]
    assert running["capacity"] == {"maxJobs": 4, "currentJobs": 1, "availableSlots": 3}
    # Never more than one a second, whatever the interval.
    times = [request.at for request in server.sent("/heartbeat")]
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(times))


def test_faults_at_every_step_change_no_verdict(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", "echo out; exit 9")
    ends = ("/acknowledge", "/status", "/fail", "/logs", "/orphaned", "/heartbeat")
    server.faults = [Fault(end, kind) for end in ends for kind in ("lost", 503)]
    start_orchestrator()
    assert server.wait_for_end(job_id, seconds=30)["exitCode"] == 9
    assert [verb for verb in server.verbs(job_id) if verb != "acknowledge"] == ["status", "status", "fail"]
    server.wait_for(lambda: server.lines(job_id) == ["out"])


def test_a_job_that_is_refused_at_its_start_never_runs(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", "echo ran")
    # In the moment before its start it becomes somebody else's.
    server.faults = [Fault("/status", "none", first=lambda: server.hand_to(server.jobs[job_id]))]
    start_orchestrator()
    server.wait_for(lambda: server.sent("/status"))
    assert server.wait_for_end(server.enqueue_script())["status"] == "completed"
    assert server.verbs(job_id) == ["acknowledge"]
    assert not server.lines(job_id)


def test_a_stop_waits_for_what_ends_in_time(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", "sleep 1.5; echo done")
    orchestrator = start_orchestrator()
    server.wait_for_status(job_id, "running")
    orchestrator.send_signal(signal.SIGTERM)
    # A busy machine takes its time to deliver a signal; until then a job is begun as usual.
    time.sleep(0.5)
    later_id = server.enqueue_script()
    assert orchestrator.wait(5) == 0
    assert server.jobs[job_id].status == "completed"
    assert server.lines(job_id) == ["done"]
    # A long poll that was under way may still have been given it: then it went back unstarted.
    assert server.jobs[later_id].status == "queued"
    assert set(server.verbs(later_id)) <= {"acknowledge", "release"}


def test_a_stop_ends_and_releases_what_does_not_end_in_time(
    server: PlayedSite, start_orchestrator: StartOrchestrator, temporary_folder: Path
) -> None:
    polite_id = server.enqueue_script("BASH", "echo $$; exec sleep 300")
    stubborn_id = server.enqueue_script("BASH", "trap '' TERM; echo $$; while true; do sleep 0.1; done")
    orchestrator = start_orchestrator("--drain-seconds", "1")
    server.wait_for(lambda: server.lines(polite_id) and server.lines(stubborn_id))
    began = time.monotonic()
    orchestrator.send_signal(signal.SIGINT)
    assert orchestrator.wait(10) == 0
    assert 1 <= time.monotonic() - began < 1 + 5
    for job_id in (polite_id, stubborn_id):
        assert server.jobs[job_id].status == "queued"
        assert server.verbs(job_id)[-1] == "release"
        assert not is_alive(int(server.lines(job_id)[0]))
    assert not any(temporary_folder.glob("*/scripts/*"))


def test_a_stop_without_a_server_is_over_in_time(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", "echo $$; exec sleep 300")
    orchestrator = start_orchestrator("--drain-seconds", "0.5")
    server.wait_for(lambda: server.lines(job_id))
    server.faults = [Fault("", "drop", times=10_000)]
    orchestrator.send_signal(signal.SIGTERM)
    assert orchestrator.wait(10) == 0
    assert not is_alive(int(server.lines(job_id)[0]))


def test_a_stop_does_not_wait_for_a_server_that_takes_no_logs(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    server.faults = [Fault("/logs", 503, times=1000)]
    job_id = server.enqueue_script("BASH", "echo hello")
    orchestrator = start_orchestrator("--drain-seconds", "0.2")
    server.wait_for_end(job_id)
    orchestrator.send_signal(signal.SIGTERM)
    assert orchestrator.wait(4) == 0


def test_an_idle_stop_is_prompt_and_leaves_no_folder(
    server: PlayedSite, start_orchestrator: StartOrchestrator, temporary_folder: Path
) -> None:
    orchestrator = start_orchestrator()
    server.wait_for(lambda: server.sent("/claim"))
    assert list(temporary_folder.iterdir())
    orchestrator.send_signal(signal.SIGTERM)
    assert orchestrator.wait(2) == 0
    assert not list(temporary_folder.iterdir())


def test_a_second_interrupt_ends_everything_at_once(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", "trap '' TERM; echo $$; while true; do sleep 0.1; done")
    orchestrator = start_orchestrator()
    server.wait_for(lambda: server.lines(job_id))
    orchestrator.send_signal(signal.SIGINT)
    time.sleep(0.3)
    orchestrator.send_signal(signal.SIGINT)
    assert orchestrator.wait(2) == 130
    server.wait_for(lambda: not is_alive(int(server.lines(job_id)[0])), seconds=2)


def test_after_a_crash_scripts_die_and_the_next_start_settles_what_was_left(
    server: PlayedSite, start_orchestrator: StartOrchestrator, temporary_folder: Path
) -> None:
    running_id = server.enqueue_script("BASH", "sleep 300 & setsid sleep 301 & echo $! $$; wait")
    orchestrator = start_orchestrator()
    server.wait_for(lambda: server.lines(running_id))
    claimed_id = server.enqueue_script()
    server.faults = [Fault("/acknowledge", "slow", seconds=1.0)]
    server.wait_for_status(claimed_id, "claimed")
    orchestrator.kill()
    stray, leader = (int(pid) for pid in server.lines(running_id)[0].split())
    server.wait_for(lambda: not is_alive(leader), seconds=2)
    assert is_alive(stray)

    # The dead one's long poll may be given the released job once more: a second look finds that nobody has it.
    start_orchestrator()
    report = server.wait_for_end(running_id)
    assert report["error"]["message"] == "the orchestrator was restarted"
    assert (report["category"], report["retryable"]) == ("system", True)
    assert not is_alive(stray)
    assert server.wait_for_end(claimed_id)["status"] == "completed"
    assert "release" in server.verbs(claimed_id)
    assert server.jobs[claimed_id].epoch >= 2
    server.wait_for(lambda: not any(temporary_folder.glob("*/scripts/*")))


def test_what_the_server_thinks_is_running_here_but_is_not_is_settled(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    busy_id = server.enqueue_script("BASH", "exec sleep 300")
    start_orchestrator("--heartbeat-interval", "0.3", "--max-jobs", "1")
    server.wait_for_status(busy_id, "running")
    with server.changed:
        lost_id = server.enqueue_script()
        server.hand_to(server.jobs[lost_id], "local-1", running=True)
    assert server.wait_for_end(lost_id)["error"]["message"] == "the orchestrator lost track of it"
    assert server.jobs[busy_id].status == "running"


def test_a_job_given_to_a_dead_predecessors_long_poll_is_soon_back_in_the_queue(
    server: PlayedSite, start_orchestrator: StartOrchestrator
) -> None:
    start_orchestrator("--heartbeat-interval", "60")
    server.wait_for(lambda: server.sent("/claim") and server.sent("/heartbeat"))
    with server.changed:
        job_id = server.enqueue_script()
        server.hand_to(server.jobs[job_id], "local-1")
    server.wait_for_end(job_id, seconds=6)
    assert server.verbs(job_id)[0] == "release"


def test_two_processes_never_share_one_identity(server: PlayedSite, start_orchestrator: StartOrchestrator, tmp_path: Path) -> None:
    start_orchestrator()
    server.wait_for(lambda: server.sent("/claim"))
    assert start_orchestrator().wait(5) == 1
    assert "another orchestrator with this id is running here" in (tmp_path / "log").read_text()


def test_a_server_that_refuses_the_token_is_asked_again_calmly(
    server: PlayedSite, start_orchestrator: StartOrchestrator, tmp_path: Path
) -> None:
    orchestrator = start_orchestrator(INTERNAL_API_KEY="another-key-of-enough-characters")
    server.wait_for(lambda: server.sent("/orphaned") and server.sent("/heartbeat"))
    time.sleep(0.3)
    assert orchestrator.poll() is None
    assert f"{server.url} refuses us: 401 AUTH_INVALID_TOKEN" in (tmp_path / "log").read_text()
    assert "set JOBSITE_TOKEN, or INTERNAL_API_KEY" in (tmp_path / "log").read_text()
    orchestrator.terminate()
    assert orchestrator.wait(5) == 0
    assert "another-key" not in (tmp_path / "log").read_text()


def test_a_server_that_is_not_there_is_told_of_at_once_and_found_when_it_comes(
    server: PlayedSite, start_orchestrator: StartOrchestrator, tmp_path: Path
) -> None:
    server.faults = [Fault("/health", "drop")]
    start_orchestrator()
    server.wait_for_end(server.enqueue_script())
    assert f"{server.url} can't be reached: " in (tmp_path / "log").read_text()


def _has_heard_of(server: PlayedSite, *, processes: int) -> bool:
    return len({beat.body["instanceId"] for beat in server.sent("/heartbeat")}) == processes
