"""The demo: a set of jobs that shows every way a job can go, and the check that each went it."""
