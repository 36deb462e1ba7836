"""What can go wrong with the embedded PostgreSQL, said in one line to a person."""


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't be made, started or stopped; the message is one line that names the mend."""
