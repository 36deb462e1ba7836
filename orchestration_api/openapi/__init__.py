"""The machine door told to machines: one entry for each operation, from which drf-spectacular writes docs/openapi.json."""
