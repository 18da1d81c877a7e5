"""Which network addresses a webhook may reach.

Whoever may add a webhook must not reach through us what only we can: this machine, its network,
the provider's metadata services. The lists are IANA's registries of special addresses, not the
standard library's, which differ from one Python to the next.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address

_PRIVATE_4 = tuple(
    IPv4Network(text)
    for text in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_SPECIAL_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PRIVATE_6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))
_GLOBAL_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")
# Metadata and platform services that lie in public or private ranges.
_METADATA = tuple(
    ip_network(text)
    for text in (
        *("168.63.129.16", "100.100.100.200"),
        # Amazon's, Google's and Scaleway's: their unique local addresses are nobody else's here.
        *("fd00:ec2::/32", "fd20:ce::/32", "fd00:42::42"),
    )
)


def may_reach(address: Address, private: bool) -> bool:
    """Whether a webhook may go there: public addresses, and private ones if `private`."""
    address = _inner(address)
    if any(address in network for network in _METADATA):
        return False
    if isinstance(address, IPv4Address):
        if any(address in network for network in _PRIVATE_4):
            return private
        return not any(address in network for network in _SPECIAL_4)
    if any(address in network for network in _PRIVATE_6):
        return private
    return address in _GLOBAL_6 and not any(address in network for network in _SPECIAL_6)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
