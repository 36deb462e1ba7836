"""The machine door's endpoints: read, say one verb, answer."""
