"""`python -m benchmarks.guards`: what each guard of the database costs, on the claim and on the whole life of a job."""

import argparse

from benchmarks.scratch import execute
from benchmarks.variants import Change, compare


def _drop_checks() -> None:
    for (name,) in execute("select conname from pg_constraint where conrelid = 'jobs'::regclass and contype = 'c'"):
        execute(f'alter table jobs drop constraint "{name}"')


def _drop_append_only() -> None:
    execute("drop trigger append_only on audit_log")
    execute("drop trigger never_truncated on audit_log")


_TAKEN_OUT: dict[str, Change] = {
    "CHECKs": _drop_checks,
    "transition_guard": lambda: execute("drop trigger transition_guard on jobs"),
    "counters_guard": lambda: execute("drop trigger counters_guard on jobs"),
    "story_guard": lambda: execute("drop trigger story_guard on jobs"),
    "audited": lambda: execute("drop trigger audited on jobs"),
    "append_only": _drop_append_only,
}


def _drop_all() -> None:
    for drop in _TAKEN_OUT.values():
        drop()


# A guard that we do not have: docs/decisions/0007-no-foreign-key-from-the-audit-log.md
_FOREIGN_KEY = "alter table audit_log add foreign key (job_id) references jobs (id) deferrable initially deferred"
VARIANTS: dict[str, Change] = {
    "all guards on": lambda: None,
    **{f"without {name}": drop for name, drop in _TAKEN_OUT.items()},
    "without any": _drop_all,
    "all, and a foreign key audit_log → jobs": lambda: execute(_FOREIGN_KEY),
}


def main() -> None:
    compare(VARIANTS, parser=argparse.ArgumentParser(prog="python -m benchmarks.guards", description=__doc__))


if __name__ == "__main__":
    main()
