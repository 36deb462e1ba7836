"""Labels: what a job requires of an orchestrator besides its type, and what an orchestrator says that it has."""

import re
from collections.abc import Iterable

FORM = re.compile(r"[A-Za-z0-9._:=/-]{1,63}")
# Each set that is required is a lane of its own, and a claim compares it with what is declared: few words, not many.
MOST_REQUIRED = 16
MOST_DECLARED = 100


def as_set(labels: Iterable[str]) -> list[str]:
    """Sorted and distinct, so that one set is one lane whatever the order in which it was said."""
    return sorted(set(labels))
