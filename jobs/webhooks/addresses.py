"""Which addresses of the network webhooks may be sent to: those of the public internet, and what the settings add.

A list of our own: `ipaddress` calls several of these global, among them 64:ff9b::/96, 2002::/16 and multicast, and 100.64.0.0/10 not
private.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registries, and what clouds answer at from within.
_DENIED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; Linux takes 0.0.0.0 for itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; metadata of a cloud is in it
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host, as seen from its guests
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only what is given out as global unicast: loopback, ::a.b.c.d, ::ffff:a.b.c.d, 64:ff9b::/96, local and multicast lie outside.
_GLOBAL_6 = IPv6Network("2000::/3")
_DENIED_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, which holds an IPv4 address, and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4, which holds an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# Interface ids of ISATAP, with an IPv4 address behind them.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def may_be_reached(address: Address) -> bool:
    """Whether a connection to it may be opened: by the settings, or because it is a public one."""
    return _is_in(address, settings.WEBHOOK_ALLOWED_NETWORKS) or is_public(address)


def is_public(address: Address) -> bool:
    """Whether it is one of the public internet, and stands for no other that is not."""
    if isinstance(address, IPv4Address):
        return not _is_in(address, _DENIED_4)
    if address.scope_id is not None or address not in _GLOBAL_6 or _is_in(address, _DENIED_6):
        return False
    return (int(address) >> 32) & 0xFFFF_FFFF not in _ISATAP


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
