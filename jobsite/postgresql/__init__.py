"""Django's back-end for PostgreSQL with what jobsite asks of it: patience while the database is away, an ear for its warnings."""
