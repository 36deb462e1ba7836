"""Looking for jobs: what is written into one line, which jobs that is, and in which order they are read."""

from jobs.search.export import written_as_csv
from jobs.search.orders import ORDERS
from jobs.search.reach import MOST_SEARCHED, NO_FILTERS, Count, Search, parameters_of
from jobs.search.tokens import parsed, written
from jobs.search.words import Piece, pieces_of

__all__ = [
    "MOST_SEARCHED",
    "NO_FILTERS",
    "ORDERS",
    "Count",
    "Piece",
    "Search",
    "parameters_of",
    "parsed",
    "pieces_of",
    "written",
    "written_as_csv",
]
