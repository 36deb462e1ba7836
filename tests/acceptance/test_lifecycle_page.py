"""docs/lifecycle.md shows the lifecycle table as it is."""

from docs import generate
from jobs.lifecycle import LEGAL_PAIRS


def test_the_page_is_what_the_table_generates() -> None:
    page = generate.PAGE.read_text()

    assert generate.renewed(page) == page, "docs/lifecycle.md is old: run `python -m docs.generate`"


def test_the_diagram_has_an_arrow_for_each_legal_pair_and_no_other() -> None:
    arrows = [line.strip().partition(":")[0].split(" --> ") for line in generate.diagram().splitlines()[1:]]

    assert {(source, target) for source, target in arrows if "[*]" not in (source, target)} == LEGAL_PAIRS
