"""The rules, in the order in which their scenarios are played: what only the first contact shows comes first, the stop last."""

from orchestrator.conformance.judging import Rule
from orchestrator.conformance.rules import claims, identity, outages, reports, stops

RULES: tuple[Rule, ...] = (*claims.RULES, *identity.RULES, *reports.RULES, *outages.RULES, *stops.RULES)
