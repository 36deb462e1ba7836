"""The verdicts as people read them, and as JSON."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Sequence

from orchestrator.conformance.judging import Finding, Rule, Verdict
from orchestrator.conformance.play import Run

_WIDTH = 120
_WORDS = {Verdict.PASS: "pass", Verdict.FAIL: "FAIL", Verdict.NOT_SEEN: "NOT SEEN", Verdict.NOT_APPLICABLE: "n/a"}
_COLOURS = {Verdict.PASS: 32, Verdict.FAIL: 31, Verdict.NOT_SEEN: 31, Verdict.NOT_APPLICABLE: 90}


def as_text(run: Run, *, colours: bool) -> str:
    """One line a rule, aligned; below one that is not kept, what was expected, what was seen, and what mends it."""
    widest = max(len(finding.rule.id) for finding in run.findings)
    lines = [f"{run.orchestrator_id or 'An orchestrator without a name'}, held against the orchestrator contract:", ""]
    for finding in run.findings:
        word = _WORDS[finding.verdict].ljust(8)
        if colours:
            word = f"\x1b[{_COLOURS[finding.verdict]}m{word}\x1b[0m"
        remark = finding.seen[0] if finding.verdict is Verdict.NOT_APPLICABLE else ""
        lines.append(f"  {word}  {finding.rule.id.ljust(widest)}  {remark}".rstrip())
        if finding.verdict.counts_as_failure:
            lines += [*_explained(finding), ""]
    return "\n".join([*lines, *([""] if lines[-1] else []), _summary(run)])


def as_json(run: Run) -> str:
    """The same for a program: `{orchestratorId, passed, seconds, rules: [{id, section, demand, verdict, seen, mend?}]}`."""
    rules = [
        {
            "id": finding.rule.id,
            "section": finding.rule.section,
            "demand": finding.rule.demand,
            "verdict": finding.verdict.value,
            "seen": list(finding.seen),
            **({"mend": finding.rule.mend} if finding.verdict.counts_as_failure else {}),
        }
        for finding in run.findings
    ]
    told = {"orchestratorId": run.orchestrator_id, "passed": passed(run), "seconds": round(run.seconds, 1), "rules": rules}
    return json.dumps(told, indent=2, ensure_ascii=False)


def as_list(rules: Sequence[Rule]) -> str:
    """Every rule: what it demands, where it comes from, what provokes it."""
    lines: list[str] = []
    for rule in rules:
        lines.append(f"{rule.id}  (contract, section {rule.section})")
        lines += _paragraph(rule.demand, "    ")
        for scenario in rule.scenarios:
            lines += _paragraph(scenario.happens, "    when: ")
    return "\n".join(lines)


def passed(run: Run) -> bool:
    """Whether every rule that had to be kept was."""
    return not any(finding.verdict.counts_as_failure for finding in run.findings)


def _explained(finding: Finding) -> list[str]:
    indent = " " * 12
    lines = _paragraph(finding.rule.demand, f"{indent}expected  ")
    for place, seen in enumerate(finding.seen):
        label = ("seen" if finding.verdict is Verdict.FAIL else "missing") if place == 0 else ""
        lines += _paragraph(seen, f"{indent}{label:<10}")
    mend = finding.rule.mend if finding.verdict is Verdict.FAIL else "If it is only slow, give it longer: --seconds."
    return [*lines, *_paragraph(mend, f"{indent}mend      "), f"{indent}contract  section {finding.rule.section}"]


def _paragraph(text: str, label: str) -> list[str]:
    # A figure and its unit stay on one line.
    wrap = textwrap.TextWrapper(
        _WIDTH, initial_indent=label, subsequent_indent=" " * len(label), break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\0", " ") for line in wrap.wrap(re.sub(r"(\d) s\b", "\\1\0s", text))]


def _summary(run: Run) -> str:
    counts = Counter(finding.verdict for finding in run.findings)
    words = {
        Verdict.PASS: "kept",
        Verdict.FAIL: "broken",
        Verdict.NOT_SEEN: "not seen, which counts as broken",
        Verdict.NOT_APPLICABLE: "not applicable",
    }
    told = ", ".join(f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict])
    return f"{len(run.findings)} rule{'' if len(run.findings) == 1 else 's'} in {run.seconds:.0f} s: {told}."
