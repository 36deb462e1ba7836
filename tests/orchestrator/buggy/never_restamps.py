"""Its bug: it stamps a request when it makes it, and sends every further try with the same time."""

from typing import Any

from tests.orchestrator.buggy.correct import Json, Orchestrator


class NeverRestamps(Orchestrator):
    def send(self, method: str, path: str, body: Json | None = None, lease: str | None = None) -> Any:
        return super().send(method, path, super().stamped(body), lease)

    def stamped(self, body: Json | None) -> Json | None:
        return body


if __name__ == "__main__":
    NeverRestamps().run()
