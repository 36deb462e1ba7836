"""`bin/bench`: passes the suites in interleaved rounds, and prints what was reached beside what is to be."""

import random
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks import asked, readme, suites
from benchmarks.journal import Journal
from benchmarks.measurements import Measurement, Options, Unmeasured
from benchmarks.results import Results, report
from benchmarks.site import Site, running_site
from benchmarks.surroundings import surroundings


def main() -> int:
    """Returns:
    The exit code: 1 when a suite broke, when --quick could not measure something, or after Ctrl-C.
    """
    wanted = asked.read()
    names, results, stopped = suites.with_needs(wanted.suites), Results(), False
    with ExitStack() as until_the_end:
        journal = until_the_end.enter_context(Journal.at(wanted.out))
        site = until_the_end.enter_context(running_site())
        on = surroundings()
        try:
            for number in range(1, wanted.rounds + 1):
                results.begin_round()
                for name in random.sample(names, len(names)):
                    for told in _one_round(name, site, Options(quick=wanted.quick, depth=wanted.depth)):
                        results.add(told)
                        journal.write(told, suite=name, round_number=number, on=on)
                        _say(f"round {number} of {wanted.rounds}", told)
        except KeyboardInterrupt:
            stopped = True
    text = report([row for name in names for row in suites.suite(name).ROWS], results)
    print(text)  # noqa: T201  this is the program's output
    if wanted.quick:
        print("\nTiny sizes: that it runs is shown, not how fast.")  # noqa: T201
    if wanted.write and not stopped:
        readme.write(text, rounds=wanted.rounds, on=on)
    broken = any(isinstance(each, _Broken) for each in results.unmeasured)
    return 1 if stopped or broken or (wanted.quick and results.unmeasured) else 0


class _Broken(Unmeasured):
    """The rest of a suite that broke: the others go on, for a run takes long."""


def _one_round(name: str, site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    try:
        yield from suites.suite(name).measure(site, options)
    except Exception as fault:
        traceback.print_exc()
        yield _Broken(name, f"it broke: {type(fault).__name__}: {fault}")


def _say(when: str, told: Measurement | Unmeasured) -> None:
    words = f"not measured: {told.why}" if isinstance(told, Unmeasured) else f"{told.value:,.2f} {told.unit}"
    print(f"{when} · {told.what if isinstance(told, Unmeasured) else told.cell} · {words}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
