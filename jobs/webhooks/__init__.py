"""Telling others of changes of status: which endpoints, what is made for them, and how it is brought to them (docs/webhooks.md).

Changes become deliveries behind the log (`events`), in rows (`deliveries`), which `sending` tries; `endpoints` has the acts of people.
"""
