"""Its bug: it takes a report for undone until an answer says that it was done just now, and so repeats what was replayed."""

import time

from tests.orchestrator.buggy.correct import Json, Orchestrator

_MOST_TRIES = 5


class BreaksOnAReplay(Orchestrator):
    def report(self, method: str, path: str, body: Json, lease: str) -> Json:
        for _ in range(_MOST_TRIES):
            answer = super().report(method, path, body, lease)
            if not answer.get("replayed"):
                break
            time.sleep(0.1)
        return answer


if __name__ == "__main__":
    BreaksOnAReplay().run()
