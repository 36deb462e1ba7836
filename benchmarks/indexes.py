"""`python -m benchmarks.indexes`: what indexes of the jobs cost, those there are and those there might be."""

import argparse
from functools import partial

from benchmarks.scratch import execute
from benchmarks.variants import Change, compare

# Found by no hot call: lists, filters and pages read them.
_OF_LISTS = ("jobs_created", "jobs_made", "jobs_updated", "jobs_status_updated")


def _with_duplicates_sought() -> None:
    for name in _OF_LISTS:
        execute(f"alter index {name} set (deduplicate_items = on)")


def _with_every_status() -> None:
    execute("drop index jobs_status_updated")
    execute("create index jobs_status_updated on jobs (status, updated_at, id) with (deduplicate_items = off)")


def _without_any() -> None:
    for name in _OF_LISTS:
        execute(f"drop index {name}")


VARIANTS: dict[str, Change] = {
    "as it is": lambda: None,
    "and one on (status, attempts)": lambda: execute("create index on jobs (status, attempts)"),
    "jobs_status_updated of every status": _with_every_status,
    "duplicates sought where there are none": _with_duplicates_sought,
    **{f"without {name}": partial(execute, f"drop index {name}") for name in _OF_LISTS},
    "without any of these four": _without_any,
}


def main() -> None:
    compare(VARIANTS, parser=argparse.ArgumentParser(prog="python -m benchmarks.indexes", description=__doc__))


if __name__ == "__main__":
    main()
