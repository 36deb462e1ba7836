"""The scenario in which nothing goes wrong, for the rules that look at everything."""

from orchestrator.conformance.stage import Stage, scenario


@scenario("One job succeeds and one fails, and nothing else happens.")
def plain(stage: Stage) -> None:
    stage.until_settled(stage.enqueue("succeeding", "ok"), stage.enqueue("failing", "fail"))
