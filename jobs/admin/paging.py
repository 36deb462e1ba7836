"""Pages of big tables, without counting them to the end."""

from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

if TYPE_CHECKING:
    Pages = Paginator[Any]
else:
    Pages = Paginator

MOST_COUNTED = 10_000


class CappedPaginator(Pages):
    """Counts to 10,000 and offers no page beyond: whoever looks for more narrows the filter."""

    @cached_property
    def count(self) -> int:
        return min(self._reached, MOST_COUNTED)

    @property
    def is_capped(self) -> bool:
        return self._reached > MOST_COUNTED

    @cached_property
    def _reached(self) -> int:
        rows = cast(QuerySet[Any], self.object_list)
        return rows.order_by().values("pk")[: MOST_COUNTED + 1].count()
