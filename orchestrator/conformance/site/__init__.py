"""A jobsite in memory: what an orchestrator can see of the contract, and the faults that the network and a busy server add to it."""
