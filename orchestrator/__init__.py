"""The reference orchestrator: somebody else's program, which knows jobsite only by its wire contract."""

__version__ = "1.0.0"
