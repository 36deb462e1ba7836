"""What the kit is told at its start."""

import argparse
import json
import secrets
from collections.abc import Sequence
from typing import Any

from orchestrator.conformance.rules import RULES
from orchestrator.conformance.stage import DEFAULT_PAYLOADS

DESCRIPTION = """\
Plays a jobsite server, faults included, to one orchestrator, and says of each rule of the contract whether it keeps it.

With --exec it starts the orchestrator itself, with JOBSITE_URL and JOBSITE_TOKEN (and INTERNAL_API_KEY, the same) in its environment, and
ends it by SIGTERM. Without, it says where it listens, and waits for one to connect."""

EPILOG = """\
Exit codes:
  0   all rules were kept, or are not applicable
  1   a rule was broken, or what it is about was never seen
  2   the kit was told something wrong, or no orchestrator connected

Example:
  python -m orchestrator.conformance --listen 0 --exec python -m orchestrator --drain-seconds 1"""


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with 2 when it is wrong, with 0 after --help.

    Returns:
        listen, token, type, payloads, seconds, connect_seconds, heartbeat_seconds, rules, list, format, log, command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.conformance",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=140),
        allow_abbrev=False,
    )
    parser.add_argument(
        "--listen",
        type=_address,
        default=("127.0.0.1", 0),
        metavar="[HOST:]PORT",
        help="where to listen; port 0: any that is free (127.0.0.1:0)",
    )
    parser.add_argument("--token", help="the token that the orchestrator must send (the first that it sends)")
    parser.add_argument("--type", default="script", metavar="TYPE", help="the type of the jobs (script)")
    shown = {name: json.dumps(payload) for name, payload in DEFAULT_PAYLOADS.items()}
    parser.add_argument("--payload-ok", type=_json, metavar="JSON", help=f"a payload that succeeds within seconds ({shown['ok']})")
    parser.add_argument("--payload-fail", type=_json, metavar="JSON", help=f"one that fails within seconds ({shown['fail']})")
    parser.add_argument("--payload-slow", type=_json, metavar="JSON", help=f"one that runs a minute or longer ({shown['slow']})")
    parser.add_argument("--seconds", type=_seconds, default=10.0, metavar="S", help="how long the orchestrator may take for anything (10)")
    parser.add_argument("--connect-seconds", type=_seconds, default=60.0, metavar="S", help="how long it may take to connect (60)")
    beats = "how often leases ask for a heartbeat; they last three times as long, and claims five times (2)"
    parser.add_argument("--heartbeat-seconds", type=_whole, default=2, metavar="S", help=beats)
    parser.add_argument("--rule", action="append", nargs="+", default=[], metavar="ID", help="judge only these rules")
    parser.add_argument("--list", action="store_true", help="say what the rules are, and end")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the verdicts (text)")
    parser.add_argument("--log", metavar="FILE", help="where what the orchestrator of --exec writes goes (nowhere)")
    parser.add_argument(
        "--exec",
        nargs=argparse.REMAINDER,
        default=[],
        dest="command",
        metavar="COMMAND",
        help="the orchestrator to start; last of all options",
    )
    options = parser.parse_args(arguments)
    if options.command:
        options.token = options.token or secrets.token_urlsafe(24)
    options.rules = _chosen(parser, [each for several in options.rule for each in several])
    told = {"ok": options.payload_ok, "fail": options.payload_fail, "slow": options.payload_slow}
    options.payloads = {**DEFAULT_PAYLOADS, **{name: payload for name, payload in told.items() if payload is not None}}
    return options


def _chosen(parser: argparse.ArgumentParser, ids: Sequence[str]) -> list[Any]:
    unknown = sorted(set(ids) - {rule.id for rule in RULES})
    if unknown:
        parser.error(f"no such rule: {', '.join(unknown)}; --list names them")
    return [rule for rule in RULES if not ids or rule.id in ids]


def _address(word: str) -> tuple[str, int]:
    host, _, port = word.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{word!r} is no port from 0 to 65535, nor one after a host and a colon")
    return host or "127.0.0.1", int(port)


def _seconds(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 1 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"{word!r} must be a number of seconds from 1 to 3600")
    return number


def _whole(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= 60:
        raise argparse.ArgumentTypeError(f"{word!r} must be a whole number of seconds from 1 to 60")
    return int(word)


def _json(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{word!r} is not JSON: {problem}") from None
