"""What `bin/bench` was asked for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import suites

RESULTS = Path(__file__).with_name("results")
_EPILOGUE = """
suites:
{suites}

Five rounds of all of it take about an hour, on a machine that should do nothing else.
What counts is the ratio within a round: the median of the rounds, with its quartiles.
Each measurement is also a JSON line in a file of {folder}.

examples:
  bin/bench                       everything, five rounds
  bin/bench --write               the same, and the table goes into benchmarks/README.md
  bin/bench throughput peers      only these, and what they are compared with
  bin/bench --quick               does it still run? tiny sizes, no peers; what bin/ci asks for
"""


@dataclass(frozen=True)
class Asked:
    """
    Attributes:
        suites: names, in the order given.
        depth: how long a long queue is; None for what is usual.
        out: where the JSON lines go; None is stdout.
        write: put the table into the README.
    """

    suites: Sequence[str]
    rounds: int
    quick: bool
    depth: int | None
    out: Path | None
    write: bool


def read(words: Sequence[str] | None = None) -> Asked:
    """What the command line says; ends the program with a message if it says something else.

    Args:
        words: None takes those of the program.
    """
    parser = _parser()
    told = parser.parse_args(words)
    if told.quick and told.write:
        parser.error("--quick measures nothing that deserves --write")
    peers = told.peers if told.peers is not None else not told.quick
    if unknown := set(told.suites).difference(suites.NAMES):
        parser.error(f"there is no suite {', '.join(unknown)}; there are {', '.join(suites.NAMES)}")
    names = told.suites or [name for name in suites.NAMES if peers or name not in suites.PEERS]
    if not peers and (unwanted := suites.PEERS.intersection(names)):
        parser.error(f"{', '.join(unwanted)}: not with --no-peers, nor with --quick unless --peers is said")
    return Asked(
        suites=names,
        rounds=told.rounds or (1 if told.quick else 5),
        quick=told.quick,
        depth=told.depth,
        out=None if told.out == "-" else Path(told.out or RESULTS / f"{'quick' if told.quick else _now()}.jsonl"),
        write=told.write,
    )


def _parser() -> argparse.ArgumentParser:
    told = "\n".join(f"  {name:<14}{suites.first_line(name)}" for name in suites.NAMES)
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measures how fast jobsite is: over HTTP, against raw SQL, against its peers, and as it grows.",
        epilog=_EPILOGUE.format(suites=told, folder=RESULTS.relative_to(RESULTS.parents[1])),
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=24, width=100),
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="which ones (default: all)")
    parser.add_argument("--rounds", type=_count, metavar="N", help="how often each suite has its turn (default: 5)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round, no peers: shows that it runs, not how fast")
    parser.add_argument("--depth", type=_count, metavar="N", help="jobs of a long queue, and as many that have ended (default: 5,000,000)")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, help="compare with other queues; they are installed when needed")
    parser.add_argument("--out", metavar="FILE", help="for the JSON lines, - is stdout (default: a new one in benchmarks/results)")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    return parser


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"


def _count(word: str) -> int:
    if int(word) < 1:
        raise ValueError(word)
    return int(word)
