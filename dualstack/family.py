"""IP families: the axis along which everything in this suite is judged."""

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Family(StrEnum):
    """An IP family, spelled as Kubernetes spells it in `spec.ipFamilies`."""

    V4 = "IPv4"
    V6 = "IPv6"


FAMILIES = (Family.V4, Family.V6)


def family_of(value: str | Address | Network) -> Family:
    """The family of an address or a network; an IPv4-mapped IPv6 address counts as IPv4, which it is.

    Raises ValueError if `value` is a string that is neither.
    """
    parsed = parse(value) if isinstance(value, str) else value
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return Family.V4
    return Family.V4 if parsed.version == 4 else Family.V6


def parse(value: str) -> Address | Network:
    """Return an address, or a network if `value` holds a prefix length. Raises ValueError.

    As lenient as Kubernetes itself (netutils.ParseIPSloppy, ParseCIDRSloppy): zeros in front of an IPv4 part
    are ignored, and so are a network's host bits.
    """
    value = re.sub(r"(^|\.)0+(?=\d)", r"\1", value) if ":" not in value else value
    return ip_network(value, strict=False) if "/" in value else ip_address(value)


def is_address(value: str) -> bool:
    """Return whether a string is an address; an IPv6 one may have a zone."""
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def network(value: str) -> Network:
    """Return a network; an address is one of a single member. Raises ValueError."""
    parsed = parse(value)
    return parsed if isinstance(parsed, IPv4Network | IPv6Network) else ip_network(parsed)


def bracketed(address: str) -> str:
    """`address` as it stands in a URL: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address
