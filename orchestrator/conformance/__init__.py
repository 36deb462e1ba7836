"""The conformance kit: plays jobsite to an orchestrator, faults included, and says of each rule of the contract whether it is kept."""
