"""`python -m benchmarks.explain`: how each hot call is carried out at depth: its plans, what they read, and how long they take."""

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from django.db import connection, transaction
from psycopg import sql

import jobs
from benchmarks import seeding
from benchmarks.footprint import Footprint, footprint
from benchmarks.site import running_site

TYPES = 200
# Of how many jobs the audit log tells; its indexes are walked from their ends.
_STORIES = 1_000_000
_STATEMENTS = Path(jobs.__file__).parent / "sql"
_PARAMETER = re.compile(r"%\((\w+)\)s")
_WIDEST = 160
Statement = tuple[tuple[str, ...], dict[str, object]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explain", description=__doc__)
    parser.add_argument("--depth", type=int, default=5_000_000, metavar="N", help="jobs queued, and as many that have ended")
    parser.add_argument("calls", nargs="*", metavar="CALL", help="only those whose names begin so")
    options = parser.parse_args()
    with running_site() as site, site.fresh_database():
        seeding.fill(queued=options.depth, finished=options.depth, among=TYPES)
        seeding.stories(most=min(options.depth, _STORIES))
        explain(options.calls)


def explain(wanted: Sequence[str] = ()) -> None:
    """Tells of each hot call in the database in use, or only of those whose names begin so."""
    from benchmarks.hot_calls import hot_calls

    for name, ready in hot_calls(among=TYPES).items():
        if name.startswith(tuple(wanted) or ""):
            with transaction.atomic():
                _say(f"\n## {name}")
                call = ready()
                # Once for nothing: what is read for the first time comes from the disk.
                with footprint():
                    call()
                with footprint() as seen, _written_down() as statements:
                    call()
                _tell(seen)
                for statement in statements:
                    _explain(*statement)
                transaction.set_rollback(True)


@contextmanager
def _written_down() -> Iterator[list[Statement]]:
    """The statements of jobs/sql that are run meanwhile."""
    from jobs import statements

    written: list[Statement] = []
    run = statements.run

    def written_down(*names: str, **parameters: object) -> list[statements.Row]:
        written.append((names, parameters))
        return run(*names, **parameters)

    with patch.object(statements, "run", written_down):
        yield written


def _tell(seen: Footprint) -> None:
    for kind, reads in (("by index", seen.indexes), ("whole", seen.whole)):
        for name, read in sorted(reads.items()):
            _say(f"{kind} {name}: searched {read.scans}, entries {read.entries}")


def _explain(names: tuple[str, ...], parameters: dict[str, object]) -> None:
    """Runs a statement once more, as our connections run it: prepared, by its generic plan."""
    text = "\n".join((_STATEMENTS / f"{name}.sql").read_text() for name in names)
    order = [*dict.fromkeys(_PARAMETER.findall(text))]
    numbered = _PARAMETER.sub(lambda found: f"${order.index(found[1]) + 1}", text).replace("%%", "%")
    values = sql.SQL(", ").join(sql.Literal(parameters[name]) for name in order)
    asked = sql.SQL("({})").format(values) if order else sql.SQL("")
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("prepare hot as {}").format(sql.SQL(numbered)))
        cursor.execute(sql.SQL("explain (analyze, buffers, costs off) execute hot {}").format(asked))
        plan = [line for (line,) in cursor.fetchall()]
        cursor.execute("deallocate hot")
    _say(f"\n{' + '.join(names)}:")
    _say("\n".join(f"    {line[:_WIDEST]}" for line in plan))


def _say(text: str) -> None:
    print(text)  # noqa: T201  this is the program's output


if __name__ == "__main__":
    main()
