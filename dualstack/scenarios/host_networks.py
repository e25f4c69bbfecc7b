"""What every node's own network says of itself, at the beginning and some seconds later."""

import json
from typing import Any

from pydantic import Field

from dualstack.probes.script import Answers, Request
from dualstack.scenario.ask import Ask
from dualstack.scenario.manifests import HOST
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen, Seen

LATER_SECONDS = 4.0
"""Long enough to tell a lifetime that falls from one that is raised."""
SIGNED = 1 << 31  # older `ip` prints what has run out as a large number
SYSCTLS = "/proc/sys/net/ipv6/conf/"


class HostAddress(Seen):
    """An IPv6 address on an interface of the node."""

    device: str
    address: str
    tentative: bool = False
    """Not usable yet: whether somebody else has it is being asked (DAD)."""
    dadfailed: bool = False
    """Somebody else has it."""
    deprecated: bool = False
    """Not to be used as a source address any more."""


class DefaultRoute(Seen):
    """A default IPv6 route."""

    device: str
    gateway: str | None = None
    protocol: str = ""
    """`ra` where the kernel or a client learnt it from a router advertisement."""
    expires: int | None = None
    """Seconds until it runs out; None if it does not. One that ran out stays listed for a while."""


class HostNetwork(NodeSeen):
    """A node's own network, IPv6 only."""

    addresses: tuple[HostAddress, ...] = ()
    default_routes: tuple[DefaultRoute, ...] = ()
    sysctls: dict[str, int] = Field(default_factory=dict)
    """`forwarding`, `disable_ipv6` and `accept_ra` by interface, e.g. `all.forwarding`."""


def _read(node: str, answers: Answers) -> HostNetwork:
    try:
        links = json.loads(answers.files["addresses", "it"])
        routes = json.loads(answers.files["routes.IPv6", "it"] or "[]")
    except (KeyError, ValueError):
        printed = answers.files.get(("addresses", "it"), "nothing").splitlines()[0]
        return HostNetwork(node=node, trouble=f"`ip -j address` in the probe image printed: {printed}")
    return HostNetwork(
        node=node,
        addresses=tuple(
            HostAddress(
                device=link["ifname"],
                address=address["local"],
                tentative=bool(address.get("tentative")),
                dadfailed=bool(address.get("dadfailed")),
                deprecated=bool(address.get("deprecated")),
            )
            for link in links
            for address in link.get("addr_info", [])
            if address.get("family") == "inet6"
        ),
        default_routes=tuple(_route(each) for each in routes if each.get("dst") == "default"),
        sysctls=_sysctls(answers.files.get(("sysctls", "it"), "")),
    )


def _route(route: dict[str, Any]) -> DefaultRoute:
    expires = route.get("expires")
    if expires is not None and int(expires) >= SIGNED:
        expires = int(expires) - 2 * SIGNED
    return DefaultRoute(
        device=route.get("dev", ""),
        gateway=route.get("gateway"),
        protocol=route.get("protocol", ""),
        expires=expires,
    )


def _sysctls(text: str) -> dict[str, int]:
    """Read `PATH:VALUE` lines."""
    found = {}
    for line in text.splitlines():
        path, _, value = line.rpartition(":")
        if path.startswith(SYSCTLS) and value.strip().lstrip("-").isdigit():
            found[path.removeprefix(SYSCTLS).replace("/", ".")] = int(value)
    return found


LOOK = (Request("interfaces", "it"), Request("sysctls", "it"))


class HostNetworks(Scenario):
    """Addresses, default routes and sysctls of every node, twice."""

    id = "host-networks"
    on_every_node = (HOST,)
    first = Ask(HOST, *LOOK, item=HostNetwork, read=_read)
    later = Ask(HOST, *LOOK, item=HostNetwork, read=_read, after=LATER_SECONDS)
