"""How a script ends is what the server is told."""



from tests.orchestrator.conftest import StartOrchestrator
from tests.orchestrator.contract_server import ContractServer


def test_a_script_that_succeeds_is_acknowledged_started_and_completed(
    server: ContractServer, start_orchestrator: StartOrchestrator
) -> None:
    job_id = server.enqueue("BASH", "echo hello; echo oops >&2")
    start_orchestrator()
    report = server.wait_for_end(job_id)
    assert server.verbs(job_id) == ["acknowledge", "status", "complete"]
    assert report["status"] == "completed"
    assert report["exitCode"] == 0
    assert report["output"] == {"stdout": "hello\n", "stderr": "oops\n"}
    assert (report["metrics"]["stdoutLines"], report["metrics"]["stderrBytes"]) == (1, 5)
    assert server.lines(job_id) == ["hello"]
    assert server.lines(job_id, "stderr") == ["oops"]
