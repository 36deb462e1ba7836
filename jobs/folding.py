"""Takes new entries of the audit log into figures: each entry once, in the order of the feed, however many do it and whoever is killed."""

from jobs import statements

# At once. The transaction of a fold holds back the feed like any other that writes, so it is to be a short one.
MOST_ENTRIES = 5000


def fold(name: str, *names: str, most: int = MOST_ENTRIES, **parameters: object) -> bool:
    """Takes in the next entries, up to the oldest transaction that may still write; from the beginning of the log when it is new.

    One statement writes what they come to and moves the place. While another folds under the same name, nothing is done.

    Args:
        name: of the fold: its place is kept under it.
        names: files of jobs/sql that go on from `found` (sql/fold.sql), the entries as rows of the audit log: each a comma and further
            parts of the WITH.
        most: how many entries.
        parameters: for each %(name)s of those files.

    Returns:
        Whether there may be more at once.
    """
    (row,) = statements.run("fold", *names, "folded", fold=name, most=most, **parameters)
    return bool(row["began"] or row["folded"] == most)
