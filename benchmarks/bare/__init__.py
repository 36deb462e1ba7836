"""The least that Django can do for a request that asks the database something: what a single report is measured against."""
