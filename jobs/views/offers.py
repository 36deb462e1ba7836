"""What staff may ask for on a page; the admin asks for the reason, and does it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An act that staff may ask for.

    Attributes:
        name: of the act in the admin.
        effect: what it comes to.
        obstacle: why it is not possible now, or not for who looks; empty when it is.
        url: of the page that asks; empty where a form that names the act leads there.
        is_danger: it ends what somebody else is at.
    """

    name: str
    words: str
    icon: str
    effect: str
    obstacle: str
    url: str = ""
    is_danger: bool = False
