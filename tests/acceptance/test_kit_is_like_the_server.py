"""The conformance kit's server answers as the real one does: one conversation is held with both, and compared answer by answer."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.conformance.site.server import SiteServer
from tests.postgres import API_KEY
from tests.server import running_server

Json = dict[str, Any]
NEW_JOB = {"type": "script", "payload": {"script": {"type": "BASH", "content": "true"}}}


@dataclass(frozen=True)
class Partner:
    """Whom one talks to, and how one has it make and cancel a job."""

    url: str
    enqueue: Callable[[], str]
    cancel: Callable[[str], object]


def test_the_kit_answers_as_the_server_does(live_db: str) -> None:
    with running_server(workers=1) as server, SiteServer(token=API_KEY) as site:
        real = Partner(
            url=server.url,
            enqueue=lambda: str(_send(server.url, "POST", "/jobs", NEW_JOB)[1]["job"]["id"]),
            cancel=lambda job_id: _send(server.url, "POST", f"/jobs/{job_id}/cancel", {}),
        )
        kit = Partner(
            url=site.url,
            enqueue=lambda: site.enqueue(NEW_JOB["payload"]).id,
            cancel=lambda job_id: site.request_cancel(site.jobs[job_id]),
        )
        for (said, expected), (_, answered) in zip(_conversation(real), _conversation(kit), strict=True):
            assert answered == expected, said


def _conversation(partner: Partner) -> Iterator[tuple[str, Json]]:
    """What was said, and the gist of each answer."""

    def say(words: str, method: str, path: str, body: Any = None, /, **headers: str) -> tuple[str, Json]:
        told = _send(partner.url, method, path, body, **headers)
        latest.update(status=told[0], told=told[1])
        return words, _gist(*told)

    def claim(words: str, **more: Any) -> tuple[str, Json]:
        said = say(words, "POST", "/jobs/claim", {"batchSize": 1, **more})
        jobs = latest["told"].get("jobs") or [{"id": "none", "lease": {"token": "none"}}]
        held.update(path=f"/jobs/{jobs[0]['id']}", id=jobs[0]["id"], token=jobs[0]["lease"]["token"])
        return said

    def report(words: str, verb: str, body: Json, /, *, method: str = "POST", **headers: str) -> tuple[str, Json]:
        return say(words, method, f"{held['path']}/{verb}", body, **{"X-Lease-Token": held["token"], **headers})

    def status(words: str, word: str, **more: Any) -> tuple[str, Json]:
        return report(words, "status", {"status": word, **more}, method="PUT")

    latest: Json = {}
    held: Json = {}
    now = datetime.now(UTC)

    yield claim("there is nothing to claim")
    yield say("what is held, when nothing is", "GET", "/jobs/orphaned")
    partner.enqueue()
    yield claim("a claim", claimId="c-1")
    yield claim("the same claim once more", claimId="c-1")
    yield report("acknowledged", "acknowledge", {})
    yield report("acknowledged again", "acknowledge", {})
    yield status("started", "running")
    yield status("started again", "running")
    yield status("preparing", "preparing")
    yield status("a word that no report may say", "queued")
    yield status("a word that there is not", "sleeping")
    yield report("an end without anything", "complete", {})
    yield report("a failure without an error", "fail", {"exitCode": 3})
    yield report("an exit code that is none", "complete", {"exitCode": "three"})
    yield report("another orchestrator with this token", "complete", {"exitCode": 0}, **{"X-Orchestrator-ID": "o-2"})
    yield report("another one without", "complete", {"exitCode": 0}, **{"X-Orchestrator-ID": "o-2", "X-Lease-Token": ""})
    yield report("a forged token", "complete", {"exitCode": 0}, **{"X-Lease-Token": "1.forged"})
    yield report("two names", "complete", {"exitCode": 0, "orchestratorId": "o-2"})
    yield report("no name", "complete", {"exitCode": 0}, **{"X-Orchestrator-ID": ""})
    yield report("a name that is none", "complete", {"exitCode": 0}, **{"X-Orchestrator-ID": "o 1"})
    yield report("a wrong key", "complete", {"exitCode": 0}, Authorization="Bearer of-nothing")
    yield report("an hour late", "complete", {"exitCode": 0, "timestamp": (now - timedelta(hours=1)).isoformat()})
    yield report("a time without offset", "complete", {"exitCode": 0, "timestamp": "2026-01-01T00:00:00"})
    yield report("before the claim, without a token", "complete", {"exitCode": 0, "timestamp": _ago(100)}, **{"X-Lease-Token": ""})
    yield report("of another state", "complete", {"exitCode": 0, "expectedUpdatedAt": "2026-01-01T00:00:00.000000Z"})
    yield say("no such job", "POST", "/jobs/job_of_nobody/complete", {"exitCode": 0})
    yield say("no such address", "POST", "/nothing", {})
    yield say("a method that is not taken", "GET", "/jobs/claim")
    named = {"jobId": held["id"], "leaseToken": held["token"]}
    yield say("a heartbeat", "POST", "/orchestrator/heartbeat", {"runningJobs": [named, "job_of_nobody"]})
    yield say("a heartbeat without jobs", "POST", "/orchestrator/heartbeat", {"runningJobs": []})
    yield say("a heartbeat with a forged token", "POST", "/orchestrator/heartbeat", {"runningJobs": [named | {"leaseToken": "1.x"}]})
    yield say("what is held", "GET", "/jobs/orphaned?orchestratorId=another")
    yield report("a longer lease", "lease/renew", {"renewalToken": held["token"], "extensionSeconds": 60})
    yield report("a longer lease without its token", "lease/renew", {})
    lines = [{"sequence": number, "stream": "stdout", "line": f"line {number}", "timestamp": _ago(1)} for number in (0, 1, 5)]
    yield report("lines", "logs", {"entries": lines})
    yield report("the same lines and one more", "logs", {"entries": [*lines, lines[0] | {"sequence": 6}]})
    yield report("the end", "complete", {"exitCode": 0, "output": {"stdout": "a", "stderr": ""}})
    yield report("the end again", "complete", {"exitCode": 0, "output": {"stdout": "a", "stderr": ""}, "timestamp": _ago(0)})
    yield report(
        "the end again, without a token", "complete", {"exitCode": 0, "output": {"stdout": "a", "stderr": ""}}, **{"X-Lease-Token": ""}
    )
    yield report("another end", "complete", {"exitCode": 1})
    yield report("lines after the end", "logs", {"entries": [lines[0] | {"sequence": 7}]})
    yield say("a heartbeat about it", "POST", "/orchestrator/heartbeat", {"runningJobs": [named]})

    partner.enqueue()
    yield claim("a second claim")
    earlier = held["token"]
    yield report("released", "release", {"message": "no room"})
    yield report("released again", "release", {"message": "no room"})
    yield report("started after the release", "status", {"status": "running"}, method="PUT")
    yield claim("claimed once more")
    yield report("the earlier claim's token", "status", {"status": "running"}, method="PUT", **{"X-Lease-Token": earlier})
    yield report("an end without a start", "complete", {"exitCode": 0})

    for words, verb, body in ENDINGS:
        partner.enqueue()
        yield claim(f"claimed to end so: {words}")
        yield status(f"started to end so: {words}", "running")
        yield report(words, verb, body, method="PUT" if verb == "status" else "POST")

    partner.enqueue()
    yield claim("claimed to be cancelled")
    partner.cancel(held["id"])
    yield status("started while a cancel is pending", "running")
    yield say("a heartbeat that brings a cancel", "POST", "/orchestrator/heartbeat", {"runningJobs": [held["id"]]})
    yield report("cancelled", "complete", {"status": "cancelled"})
    partner.enqueue()
    yield claim("claimed to be cancelled and released")
    partner.cancel(held["id"])
    yield report("released while a cancel is pending", "release", {})
    yield say("health", "GET", "/orchestrator/health")
    yield say("who am I", "GET", "/orchestrator/me")


ENDINGS: list[tuple[str, str, Json]] = [
    ("an exit code", "complete", {"exitCode": 3}),
    ("completed with an error", "complete", {"status": "completed", "error": "boom"}),
    ("several targets, one of them failed", "complete", {"status": "completed", "exitCode": 101}),
    ("out of time", "complete", {"status": "timeout"}),
    ("-1 and nothing else", "complete", {"exitCode": -1}),
    ("cancelled, which nobody asked for", "complete", {"status": "cancelled"}),
    ("failed with an error of parts", "fail", {"error": {"type": "E", "message": "boom"}, "category": "exception"}),
    ("failed as a status", "status", {"status": "failed", "details": {"message": "boom", "exitCode": 0}}),
    ("completed as a status", "status", {"status": "completed", "details": {"exitCode": 0}}),
]


def _gist(status: int, told: Any) -> Json:
    if isinstance(told, list):
        return {"status": status, "jobs": [_gist(status, job) for job in told]}
    gist: Json = {"status": status, "keys": sorted(told.keys() - {"addedLater"})}
    gist |= {name: told[name] for name in ("nextAction", "replayed", "count", "stored", "duplicates", "nextSequence") if name in told}
    gist |= {f"{name}s": len(told[name]) for name in ("cancel", "abandon", "unreported", "leases") if name in told}
    if "error" in told:
        error = told["error"]
        details = {name: error["details"].get(name) for name in ("nextAction", "status") if name in error["details"]}
        gist["error"] = {"code": error["code"], "keys": sorted(error), **details}
    for name in ("job", "lease", "metadata"):
        if name in told:
            gist[name] = sorted(told[name].keys() - {"addedLater", "reason"})
    if "job" in told:
        gist["job"] = [told["job"][name] for name in ("status", "attempts", "epoch")]
    for job in told.get("jobs", ()):
        gist["claimed"] = [sorted(job.keys() - {"addedLater"}), sorted(job["execution"]), job["epoch"], job["status"]]
    return gist


def _send(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    sent = {"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": "o-1", "Content-Type": "application/json", **headers}
    content = None if body is None else json.dumps(body).encode()
    told = {name: value for name, value in sent.items() if value}
    request = urllib.request.Request(f"{url}/api/internal{path}", content, told, method=method)  # noqa: S310  our own servers
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def _ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
