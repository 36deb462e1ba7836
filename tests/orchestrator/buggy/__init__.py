"""Orchestrators with one bug each, and the correct one that they share the rest of: what the conformance kit must tell apart."""
