"""Column types and expressions of PostgreSQL that Django does not know."""

from typing import TYPE_CHECKING, Any

from django.db import models

from jobs.numbers import PlainNumbers

__all__ = ["Among", "Negated", "PlainNumbers", "TransactionIdField"]

if TYPE_CHECKING:
    IntegerColumn = models.Field[int, int]
    Lookup = models.Lookup[list[str]]
else:
    IntegerColumn, Lookup = models.Field, models.Lookup


class TransactionIdField(IntegerColumn):
    """A 64-bit transaction id (xid8): the label by which entries are read in an order that skips nothing."""

    description = "PostgreSQL transaction id"

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: str | int | None, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_db_prep_value(self, value: int | None, connection: Any, prepared: bool = False) -> str | None:
        # As text, which PostgreSQL reads as what the column is; a number is none of these to it.
        return None if value is None else str(value)


class Negated(models.Func):
    """`-x` as PostgreSQL writes it: an index on it serves a query only if both say it alike."""

    template = "(-%(expressions)s)"
    output_field = models.SmallIntegerField()


@models.CharField.register_lookup
class Among(Lookup):
    """`id__among=ids`: one of these, sent as one array. As `in` sends them, ten thousand take seconds to parse and to plan."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = any(%s::text[])", (*parameters, list(self.rhs))
