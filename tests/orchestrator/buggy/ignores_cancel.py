"""Its bug: it obeys the word to abandon a job, but not the word to cancel one."""

from tests.orchestrator.buggy.correct import Json, Orchestrator


class IgnoresCancel(Orchestrator):
    def order_in(self, answer: Json, job: Json) -> str | None:
        order = super().order_in(answer, job)
        return None if order == "cancel" else order


if __name__ == "__main__":
    IgnoresCancel().run()
