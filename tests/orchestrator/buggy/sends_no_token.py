"""Its bug: it knows its jobs by their ids alone, and never sends the lease token."""

from typing import Any

from tests.orchestrator.buggy.correct import Json, Orchestrator


class SendsNoToken(Orchestrator):
    def named(self, job: Json) -> Json:
        return {"jobId": job["id"]}

    def try_once(self, method: str, path: str, body: Json | None, lease: str | None) -> tuple[int, Any, float]:
        return super().try_once(method, path, body, None)


if __name__ == "__main__":
    SendsNoToken().run()
