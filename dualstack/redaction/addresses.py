"""Other addresses in place of the real ones, with the same structure: two addresses that share a prefix of
some length get pseudonyms that share a prefix of that length and no more.

Bit by bit, from the left: whether a bit is flipped depends on the key and the bits before it, as in
Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-preserving IP address anonymization", 2002). Bits that lead to a
block with a meaning of its own (private, link-local, …) are never flipped: a private address stays one.
"""

import hashlib
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network

from dualstack.family import Address, Network

# Kept as blocks, scrambled inside: https://www.iana.org/assignments/iana-ipv4-special-registry
BLOCKS: dict[int, tuple[Network, ...]] = {
    4: tuple(map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))),
    6: tuple(map(IPv6Network, ("2000::/3", "fc00::/8", "fd00::/8", "fe80::/64"))),
}
# Kept as they are: they name no one.
PLAIN: dict[int, tuple[Network, ...]] = {
    4: tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))),
    6: tuple(map(IPv6Network, ("::/96", "ff00::/8"))),
}
# IPv4 addresses in IPv6 clothes: mapped, and NAT64's.
CLOTHED = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


class Scrambler:
    """One key's replacement of addresses."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(key).digest()
        self.replace = lru_cache(maxsize=None)(self._replace)

    def _replace(self, text: str) -> str:
        """The pseudonym of an address, a network, or an address with a prefix length. Raises ValueError."""
        if "/" not in text:
            return str(self._address(ip_address(text)))
        given = ip_interface(text)
        if given.ip != given.network.network_address:
            return f"{self._address(given.ip)}/{given.network.prefixlen}"
        return str(self._network(given.network))

    def _address(self, address: Address) -> Address:
        return self._network(ip_network(address)).network_address

    def _network(self, network: Network) -> Network:
        for clothes in CLOTHED:
            if network.version == 6 and network.subnet_of(clothes):
                bare = int(network.network_address) & 0xFFFFFFFF
                inner = self._network(IPv4Network((bare, network.prefixlen - 96)))
                value = int(clothes.network_address) | int(inner.network_address)
                return IPv6Network((value, network.prefixlen))
        if any(network.subnet_of(plain) for plain in PLAIN[network.version]):  # type: ignore[arg-type]
            return network
        value = self._bits(network) << (network.max_prefixlen - network.prefixlen)
        return type(network)((value, network.prefixlen))

    def _bits(self, network: Network) -> int:
        value, width = int(network.network_address), network.max_prefixlen
        blocks = [each for kind in (BLOCKS, PLAIN) for each in kind[network.version]]
        if network.version == 6:
            blocks += CLOTHED
        result = 0
        for at in range(network.prefixlen):
            before = value >> (width - at)
            leads_to_a_block = any(
                each.prefixlen > at and int(each.network_address) >> (width - at) == before for each in blocks
            )
            flip = 0 if leads_to_a_block else self._coin(network.version, at, before)
            result = result << 1 | (value >> (width - 1 - at) & 1) ^ flip
        return result

    def _coin(self, version: int, at: int, before: int) -> int:
        content = bytes([version, at]) + before.to_bytes(16)
        return hashlib.blake2b(content, key=self._key, digest_size=1).digest()[0] & 1
