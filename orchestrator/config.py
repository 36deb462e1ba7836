"""What the orchestrator is told at its start: the command line, the environment, and nothing else."""

import argparse
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DESCRIPTION = """\
The reference orchestrator of jobsite: claims jobs over HTTP, runs their scripts, streams their output, reports how they ended.

A job is run when its payload looks like this (the last two keys are optional):

  {"script": {"type": "BASH" | "PYTHON" | "NODEJS", "content": "echo hello"},
   "environment": {"NAME": "value"},
   "inputData": {"anything": "as JSON, in the file that JOBSITE_INPUT names"}}

A script finds PATH, LANG, HOME, TMPDIR, JOBSITE_JOB_ID, JOBSITE_ATTEMPT, JOBSITE_INPUT and its payload's environment, nothing else.
A line "JOBSITE_PROGRESS 40 Crunching numbers" on its stdout shows as progress."""

EPILOG = """\
The token comes from JOBSITE_TOKEN, or else from INTERNAL_API_KEY (of several keys the first). It is never an option: those show in ps.

Signals:
  SIGTERM, SIGINT   claim no more, wait --drain-seconds for running jobs, stop and release what is left, exit 0
  a second SIGINT   kill everything at once, exit 130; the next start with the same id settles what was left behind

Example:
  INTERNAL_API_KEY=… python -m orchestrator --url http://127.0.0.1:8000 --id local-1 --max-jobs 8 --types report,import"""

LABEL = re.compile(r"[A-Za-z0-9._:=/-]{1,63}")
IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that can be set. Durations are in seconds; `heartbeat_interval` None means as often as the server asks."""

    url: str
    orchestrator_id: str
    token: str = field(repr=False)
    max_jobs: int = 4
    poll_interval: float = 5.0
    wait: int = 2
    job_types: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    scratch: Path | None = None
    run_as: str = "nobody"
    heartbeat_interval: float | None = None
    drain_seconds: float = 10.0
    log_level: str = "INFO"


def read_config(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration from command-line arguments, then from the environment, then from the defaults.

    Args:
        arguments: the words after the program's name; None for those of this process.
        environment: where a setting is looked up that the arguments don't give.

    Raises:
        SystemExit: 2, after one line on stderr that names what is wrong; 0 after --help.
    """
    parser = _parser(environment)
    options = parser.parse_args(arguments)
    token = environment.get("JOBSITE_TOKEN", "").strip() or environment.get("INTERNAL_API_KEY", "").split(",")[0].strip()
    if not token:
        parser.error("no token: set JOBSITE_TOKEN, or INTERNAL_API_KEY to the server's service key")
    if not token.isascii() or any(letter.isspace() for letter in token):
        parser.error("the token (JOBSITE_TOKEN, INTERNAL_API_KEY) must be ASCII without spaces")
    return Config(token=token, **vars(options))


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=34, width=140),
        allow_abbrev=False,
    )

    def option(
        name: str, variable: str, parse: Callable[[str], object], fallback: object, text: str, *, metavar: str, dest: str = ""
    ) -> None:
        def parse_or_explain(word: str) -> object:
            try:
                return parse(word)
            except ValueError as problem:
                raise argparse.ArgumentTypeError(f"(or {variable}) {problem}") from None

        # A default that is a string goes through the same parser, so a bad variable is refused just like a bad option.
        default = environment.get(variable) or fallback
        target = dest or name.removeprefix("--").replace("-", "_")
        parser.add_argument(name, type=parse_or_explain, default=default, help=f"{text} [{variable}]", metavar=metavar, dest=target)

    option("--url", "JOBSITE_URL", _url, "http://127.0.0.1:8000", "where jobsite answers (http://127.0.0.1:8000)", metavar="URL")
    name = "this orchestrator's name, used by no other process (local-1)"
    option("--id", "ORCHESTRATOR_ID", _identifier, "local-1", name, metavar="ID", dest="orchestrator_id")
    option("--max-jobs", "ORCHESTRATOR_MAX_JOBS", _whole(1, 500), 4, "how many jobs run at once (4)", metavar="N")
    only = "claim only these job types (all, or those on the server's record)"
    option("--types", "ORCHESTRATOR_TYPES", _types, (), only, metavar="A,B", dest="job_types")
    has = "what is to be had here: jobs that require anything else go to others (nothing)"
    option("--labels", "ORCHESTRATOR_LABELS", _labels, (), has, metavar="A,B")
    poll = "seconds between claims when not long-polling (5)"
    option("--poll-interval", "ORCHESTRATOR_POLL_INTERVAL", _seconds(0.1, 3600), 5.0, poll, metavar="S")
    # A long poll can't be taken back: the server may hand out a job to somebody who has stopped listening. So a drain waits for its answer,
    # and 2 seconds is what a stop may take.
    option(
        "--wait", "ORCHESTRATOR_WAIT", _whole(0, 30), 2, "seconds a claim waits on the server for work; 0: no long polls (2)", metavar="S"
    )
    beat = "seconds between heartbeats (what the server asks, but at least every 10)"
    option("--heartbeat-interval", "ORCHESTRATOR_HEARTBEAT_INTERVAL", _seconds(0.1, 60), None, beat, metavar="S")
    drain = "seconds that running jobs get to end after SIGTERM (10)"
    option("--drain-seconds", "ORCHESTRATOR_DRAIN_SECONDS", _seconds(0, 86_400), 10.0, drain, metavar="S")
    scratch = "folder for scratch folders and unsent output (in the system's temporary folder)"
    option("--scratch", "ORCHESTRATOR_SCRATCH", _folder, None, scratch, metavar="DIR")
    option("--run-as", "ORCHESTRATOR_RUN_AS", str, "nobody", "the user that scripts run as when started as root (nobody)", metavar="USER")
    option("--log-level", "ORCHESTRATOR_LOG_LEVEL", _level, "INFO", "DEBUG, INFO, WARNING or ERROR (INFO)", metavar="LEVEL")
    return parser


def _url(word: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", word):
        raise ValueError(f"{word!r} is no address like http://127.0.0.1:8000")
    return word.rstrip("/")


def _identifier(word: str) -> str:
    if not IDENTIFIER.fullmatch(word):
        raise ValueError(f"{word!r} must be 1 to 128 of A-Z a-z 0-9 . _ : -")
    return word


def _types(word: str) -> tuple[str, ...]:
    return tuple(_identifier(part.strip()) for part in word.split(",") if part.strip())


def _labels(word: str) -> tuple[str, ...]:
    labels = tuple(part.strip() for part in word.split(",") if part.strip())
    if wrong := next((label for label in labels if not LABEL.fullmatch(label)), None):
        raise ValueError(f"{wrong!r} must be 1 to 63 of A-Z a-z 0-9 . _ : = / -")
    return labels


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(word: str) -> int:
        if not word.isascii() or not word.isdigit() or not least <= int(word) <= most:
            raise ValueError(f"{word!r} must be a whole number from {least} to {most}")
        return int(word)

    return parse


def _seconds(least: float, most: float) -> Callable[[str], float]:
    def parse(word: str) -> float:
        try:
            number = float(word)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise ValueError(f"{word!r} must be a number of seconds from {least:g} to {most:g}")
        return number

    return parse


def _folder(word: str) -> Path:
    return Path(word).expanduser().absolute()


def _level(word: str) -> str:
    if word.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError(f"{word!r} must be DEBUG, INFO, WARNING or ERROR")
    return word.upper()
