"""What staff may ask for on a page: links to the pages of the admin that ask for a reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """An act that staff may ask for, on a page of the admin.

    Attributes:
        obstacle: why it can't be done now; empty when it can.
    """

    words: str
    icon: str
    url: str
    effect: str
    obstacle: str
