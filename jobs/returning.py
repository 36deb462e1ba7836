"""The way back: an act is asked for from many pages, and leads back to the one it was asked for from."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

PARAMETER = "next"


def back_to(request: HttpRequest, otherwise: str) -> str:
    """The page that an act was asked for from, as the address or the form says.

    Args:
        otherwise: where it leads when nothing is said, or something that is none of our addresses.
    """
    asked = request.POST.get(PARAMETER) or request.GET.get(PARAMETER) or ""
    ours = url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return asked if ours else otherwise
