"""How many wrong tokens an address sends: counted in the database, so that all servers count together."""

from jobs import statements

WINDOW_SECONDS = 60


def count_failure(address: str) -> tuple[int, float]:
    """Counts one wrong token.

    Returns:
        How many came from the address since its count began, and the seconds until it begins anew.
    """
    (row,) = statements.run("auth_failure", address=address, window=WINDOW_SECONDS)
    return row["count"], row["seconds_left"]


def forget_old_failures() -> None:
    """Removes the counts that are over."""
    statements.run("forget_auth_failures", window=WINDOW_SECONDS)
