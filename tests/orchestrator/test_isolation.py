"""What a script can see and do: its own folder, its own environment, and no token."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.scratch import Scratch, ScratchUnusable, User
from tests.orchestrator.conftest import REPOSITORY, StartOrchestrator
from tests.orchestrator.played_site import TOKEN, PlayedSite

AS_ROOT = os.geteuid() == 0


def test_a_script_finds_its_documented_environment_and_nothing_else(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script(
        "BASH", "env -0 | tr '\\0' '\\n'", environment={"GREETING": "good dæy", "LANG": "C", "JOBSITE_JOB_ID": "another"}
    )
    start_orchestrator(SECRET_OF_THE_HOST="hidden")
    report = server.wait_for_end(job_id)
    found = dict(line.split("=", 1) for line in report["output"]["stdout"].splitlines())
    # Bash itself adds the last three.
    expected = {"PATH", "LANG", "HOME", "TMPDIR", "JOBSITE_JOB_ID", "JOBSITE_ATTEMPT", "JOBSITE_INPUT", "GREETING", "PWD", "SHLVL", "_"}
    assert set(found) == expected
    assert found["HOME"] == found["TMPDIR"] == found["PWD"] == os.path.dirname(found["JOBSITE_INPUT"])
    assert (found["GREETING"], found["LANG"], found["JOBSITE_ATTEMPT"], found["JOBSITE_JOB_ID"]) == ("good dæy", "C", "1", job_id)


def test_no_script_finds_the_token_anywhere(server: PlayedSite, start_orchestrator: StartOrchestrator, tmp_path: Path) -> None:
    hunt = "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; ls -l /proc/self/fd; true"
    job_id = server.enqueue_script("BASH", hunt)
    start_orchestrator("--log-level", "DEBUG")
    report = server.wait_for_end(job_id)
    assert TOKEN not in report["output"]["stdout"]
    assert not any(TOKEN in line for line in server.lines(job_id))
    assert TOKEN not in (tmp_path / "log").read_text()


def test_a_script_has_no_descriptors_but_its_three(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    listing = "import os; fds = os.listdir('/proc/self/fd'); print(sorted(map(int, fds))[:-1], os.readlink('/proc/self/fd/0'))"
    job_id = server.enqueue_script("PYTHON", listing)
    start_orchestrator()
    # The last one is that of the listing itself.
    assert server.wait_for_end(job_id)["output"]["stdout"] == "[0, 1, 2] /dev/null\n"


def test_input_reaches_the_script_as_a_file_and_its_folder_is_gone_afterwards(
    server: PlayedSite, start_orchestrator: StartOrchestrator, temporary_folder: Path
) -> None:
    content = "import json, os; print(json.load(open(os.environ['JOBSITE_INPUT'])), os.getcwd()); os.makedirs('a/b'); os.chmod('a', 0)"
    job_id = server.enqueue_script("PYTHON", content, inputData={"customer": "Zoë", "rows": [1, 2.5, None]})
    start_orchestrator()
    stdout: str = server.wait_for_end(job_id)["output"]["stdout"]
    assert stdout.startswith("{'customer': 'Zoë', 'rows': [1, 2.5, None]} ")
    server.wait_for(lambda: not os.path.exists(stdout.split()[-1]))
    assert not any(temporary_folder.glob("*/scripts/*"))


def test_the_attempt_counts_on_from_earlier_ones(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script("BASH", "echo $JOBSITE_ATTEMPT")
    server.jobs[job_id].attempts = 2
    start_orchestrator()
    assert server.wait_for_end(job_id)["output"]["stdout"] == "3\n"


@pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")
def test_as_root_a_script_runs_as_nobody_without_a_way_back(server: PlayedSite, start_orchestrator: StartOrchestrator) -> None:
    job_id = server.enqueue_script(
        "BASH", "id -un; id -Gn; grep -E 'NoNewPrivs|CapEff|CapPrm' /proc/self/status; touch mine && stat -c %U mine ."
    )
    own_groups = os.getgroups()
    os.setgroups([0, 4, 6])
    try:
        start_orchestrator("--scratch", "/root/scratch")
    finally:
        os.setgroups(own_groups)
    report = server.wait_for_end(job_id)
    lines = report["output"]["stdout"].split("\n")
    assert lines[:2] == ["nobody", "nogroup"]
    assert {line.split()[1] for line in lines[2:5]} == {"0000000000000000", "1"}
    assert lines[5:7] == ["nobody", "nobody"]
    assert not Path("/root/scratch").exists()


@pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")
def test_a_library_that_a_payload_preloads_is_not_loaded_before_root_is_given_up(
    server: PlayedSite, start_orchestrator: StartOrchestrator
) -> None:
    # The dynamic loader complains once in every process that it can't preload it into: here in bash alone, which is the script's user's.
    job_id = server.enqueue_script("BASH", "true", environment={"LD_PRELOAD": "/no/such/library.so"})
    start_orchestrator()
    assert server.wait_for_end(job_id)["output"]["stderr"].count("/no/such/library.so") == 1


@pytest.mark.skipif(not AS_ROOT, reason="only root can run the orchestrator as somebody else")
def test_as_an_ordinary_user_it_works_and_its_environment_can_not_be_read(server: PlayedSite, temporary_folder: Path) -> None:
    # The checkout and its virtual environment may be where nobody can't reach them: a copy runs, on a Python that nobody may start.
    copy = temporary_folder / "program"
    shutil.copytree(REPOSITORY / "orchestrator", copy / "orchestrator")
    libraries = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for pattern in ("httpx2*", "httpcore2*", "h11*", "anyio*", "idna*", "truststore*", "typing_extensions*"):
        for source in libraries.glob(pattern):
            shutil.copytree(source, copy / source.name) if source.is_dir() else shutil.copy(source, copy)
    own = temporary_folder / "own"
    own.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    job_id = server.enqueue_script(
        "BASH", "id -un; cat /proc/$PPID/environ; echo; cat $JOBSITE_INPUT; mkdir -p a/b; chmod 0 a .", inputData={"a": 1}
    )
    orchestrator = subprocess.Popen(
        [_python_for_everybody(nobody.pw_uid), "-m", "orchestrator", "--url", server.url, "--id", "local-1", "--wait", "1"],
        cwd=copy,
        env={"PATH": "/usr/bin:/bin", "INTERNAL_API_KEY": TOKEN, "TMPDIR": str(own)},
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
    )
    try:
        report = server.wait_for_end(job_id)
    finally:
        orchestrator.terminate()
        assert orchestrator.wait(10) == 0
    assert report["output"]["stdout"] == 'nobody\n\n{"a": 1}'
    assert "Permission denied" in report["output"]["stderr"]
    assert not any(own.glob("*/scripts/*"))


def test_scratch_that_somebody_else_could_have_prepared_is_refused(temporary_folder: Path) -> None:
    scratch = Scratch(parent=temporary_folder, url="http://a", orchestrator_id="o", user=None)
    scratch.base.mkdir()
    scratch.base.chmod(0o777)
    with pytest.raises(ScratchUnusable, match="not a folder of this user's alone"):
        scratch.prepare()


def test_scratch_that_the_scripts_user_can_not_reach_is_made_elsewhere(temporary_folder: Path) -> None:
    closed = temporary_folder / "closed"
    closed.mkdir(mode=0o700)
    nobody = User("nobody", 65534, 65534)
    scratch = Scratch(parent=closed / "deeper", url="http://a", orchestrator_id="o", user=nobody)
    assert closed not in scratch.base.parents
    open_scratch = Scratch(parent=temporary_folder / "deeper", url="http://a", orchestrator_id="o", user=nobody)
    assert temporary_folder in open_scratch.base.parents


def _python_for_everybody(uid: int) -> str:
    for candidate in (os.path.realpath(sys.executable), "/usr/local/bin/python3", "/usr/bin/python3"):
        check = "import sys; sys.exit(sys.version_info < (3, 11))"
        with contextlib.suppress(OSError):
            if subprocess.run([candidate, "-c", check], user=uid, cwd="/").returncode == 0:
                return candidate
    pytest.skip("no Python 3.11 here that an ordinary user may start")
