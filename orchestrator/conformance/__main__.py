"""`python -m orchestrator.conformance`: plays, judges, prints, and ends with 0, 1 or 2."""

import argparse
import contextlib
import sys
from pathlib import Path

from orchestrator.conformance.options import read_options
from orchestrator.conformance.play import NobodyCame, Run, play, prepare
from orchestrator.conformance.printing import as_json, as_list, as_text, passed
from orchestrator.conformance.program import Program
from orchestrator.conformance.rules import RULES
from orchestrator.conformance.site.jobs import LeaseLengths
from orchestrator.conformance.site.server import SiteServer
from orchestrator.conformance.stage import Scenario, Stage


def main() -> int:
    """Returns the exit code."""
    options = read_options()
    if options.list:
        sys.stdout.write(as_list(RULES) + "\n")
        return 0
    try:
        run = _run(options)
    except NobodyCame:
        _say("No orchestrator has said anything, so nothing can be judged." + (" --log keeps what it wrote." if options.command else ""))
        return 2
    except OSError as problem:
        _say(f"Can't begin: {problem}")
        return 2
    except KeyboardInterrupt:
        _say("Stopped.")
        return 2
    sys.stdout.write((as_json(run) if options.format == "json" else as_text(run, colours=sys.stdout.isatty())) + "\n")
    return 0 if passed(run) else 1


def _run(options: argparse.Namespace) -> Run:
    beat = options.heartbeat_seconds
    lengths = LeaseLengths(claimed=5.0 * beat, acknowledged=10.0 * beat, heartbeat=3.0 * beat)
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(SiteServer(token=options.token, host=options.listen[0], port=options.listen[1], lengths=lengths))
        stage = Stage(site, payloads=options.payloads, job_type=options.type, patience_seconds=options.seconds)
        prepare(stage, options.rules)
        if options.command:
            log = stack.enter_context(Path(options.log).open("wb")) if options.log else None
            stage.program = stack.enter_context(Program(options.command, url=site.url, token=options.token, log=log))
        else:
            _say(f"Waiting for an orchestrator at {site.url}" + (f", with the token {options.token}" if options.token else ""))
        return play(stage, options.rules, connect_seconds=options.connect_seconds, on_scenario=_announce)


def _announce(scenario: Scenario) -> None:
    if sys.stderr.isatty():
        _say(f"· {scenario.happens}")


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
