"""`python -m docs.generate`: writes what docs/lifecycle.md shows of the lifecycle table, and docs/openapi.json, so that none can part."""

import os
from collections.abc import Iterable
from pathlib import Path

import django

from jobs.lifecycle import COMPOUND, TABLE, TARGETS, ActorKind, Status, Verb

PAGE = Path(__file__).parent / "lifecycle.md"
OPENAPI = Path(__file__).parent / "openapi.json"
BEGIN = "<!-- From jobs/lifecycle.py by `python -m docs.generate`: edit there. -->\n"
END = "<!-- End of what is generated. -->\n"
# How Mermaid writes where a life begins and ends.
NOWHERE = "[*]"
_WORDS = {ActorKind.ORCHESTRATOR: "holder", ActorKind.USER: "staff"}


def main() -> None:
    PAGE.write_text(renewed(PAGE.read_text()))
    OPENAPI.write_text(openapi())


def renewed(page: str) -> str:
    """The page with the generated part as the table is now.

    Raises:
        ValueError: its marks are not there, once each.
    """
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + generated() + END + after


def openapi() -> str:
    """The OpenAPI document of the machine door."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    django.setup()
    from orchestration_api.openapi.document import text

    return text()


def generated() -> str:
    """Statuses, diagram and transitions as Markdown."""
    return "\n".join(["", statuses(), "", "```mermaid", diagram(), "```", "", transitions(), "", compound_steps(), "", ""])


def statuses() -> str:
    rows = [(f"`{status}`", status.meaning, _kind(status)) for status in Status]
    return _table(("status", "meaning", ""), rows)


def diagram() -> str:
    """A Mermaid state diagram: one arrow for each pair of statuses that a verb leads between."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for rule in TABLE:
        sources: list[str] = [status for status in Status if status in rule.sources]
        for source in sources or [NOWHERE]:
            verbs = arrows.setdefault((source, rule.target), [])
            if rule.verb not in verbs:
                verbs.append(rule.verb)
    arrows |= {(status, NOWHERE): [] for status in Status if status.is_terminal}
    lines = [f"    {source} --> {target}{': ' + ', '.join(verbs) if verbs else ''}" for (source, target), verbs in arrows.items()]
    return "\n".join(["stateDiagram-v2", *lines])


def transitions() -> str:
    rows = []
    for rule in TABLE:
        sources = ", ".join(f"`{status}`" for status in Status if status in rule.sources) or "none"
        actors = ", ".join(_WORDS.get(kind, kind) for kind in ActorKind if kind in rule.actors)
        rows.append((f"**{rule.verb}**", sources, f"`{rule.target}`", actors))
    return _table(("verb", "from", "to", "at the word of"), rows)


def compound_steps() -> str:
    rows = []
    for (source, target), via in COMPOUND.items():
        first, second = _verb(source, via), _verb(via, target)
        rows.append((f"`{source}` → `{via}` → `{target}`", f"{first} + {second}"))
    return _table(("in one call", "entries"), rows)


def _verb(source: Status, target: Status) -> Verb:
    return next(rule.verb for rule in TABLE if source in rule.sources and TARGETS[rule.verb] == target)


def _kind(status: Status) -> str:
    return "held under a lease" if status.is_live else "the end" if status.is_terminal else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ("---",) * len(head), *rows])


if __name__ == "__main__":
    main()
