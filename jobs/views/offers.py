"""What staff may ask for on a page; the admin asks for the reason, and does it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin

from jobs.roles import ACT_ON_MANY, MOST_WITHOUT_LEAVE, may_act_on

Person = AbstractBaseUser | AnonymousUser | PermissionsMixin


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


def lacks(user: Person, permissions: Iterable[str]) -> str:
    """Which of the permissions somebody has not, in words; empty when none is missing."""
    missing = next((one for one in permissions if not user.has_perm(one)), None)  # type: ignore[union-attr]
    return f"Needs the permission {missing}." if missing else ""


def too_many(user: Person, count: int) -> str:
    """Why somebody may not act on so many jobs at once; empty when they may."""
    if may_act_on(user, count):  # type: ignore[arg-type]
        return ""
    return f"More than {MOST_WITHOUT_LEAVE} jobs at once need the permission {ACT_ON_MANY}."


def open_acts(offers: Iterable[Offer]) -> list[dict[str, str]]:
    """Those that are possible now, as a page of the admin lists them."""
    return [{"name": offer.words, "icon": offer.icon, "url": offer.url} for offer in offers if not offer.obstacle]
