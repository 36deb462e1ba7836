"""Whose request it is, by its address: wrong tokens and wrong passwords are counted by it."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_IPV6_PREFIX = 64


def client_of(meta: Mapping[str, Any]) -> str:
    """The address whose count it is: the connection's, or behind trusted proxies the last one in X-Forwarded-For that is none of them.

    What stands before that one is the client's own word and proves nothing. IPv6 clients are counted by their /64: whoever has one of its
    addresses has them all.

    Args:
        meta: `META` of the request.

    Returns:
        An address, a network of IPv6, or `unknown`.
    """
    address = _read(meta.get("REMOTE_ADDR", ""))
    hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while hops and address is not None and any(address in network for network in settings.TRUSTED_PROXIES):
        told = _read(hops.pop().strip())
        if told is None:
            break
        address = told
    if isinstance(address, ipaddress.IPv6Address):
        rest = 128 - _IPV6_PREFIX
        return f"{ipaddress.IPv6Address(int(address) >> rest << rest)}/{_IPV6_PREFIX}"
    return str(address or "unknown")


def _read(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
