"""What a pod on every node sees of its own network."""

import json
from typing import Any

from pydantic import Field

from dualstack.family import FAMILIES, Family
from dualstack.probes.script import Answers, Request
from dualstack.scenario.ask import Ask
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen, Seen

LATER_SECONDS = 3.0
"""An address is tentative for a second or two (RFC 4862: a random delay of up to one, and one per probe)."""


class Interface(Seen):
    """An address on an interface, as `ip address` prints it inside a pod."""

    name: str
    family: Family
    address: str
    prefix_length: int
    scope: str
    """`global`, `link`, `host`."""
    dynamic: bool = False
    """Learnt from a router advertisement, not configured."""
    tentative: bool = False
    """Not usable yet: whether somebody else has it is being asked (DAD)."""
    dadfailed: bool = False
    """Somebody else has it."""

    def __str__(self) -> str:
        return f"{self.name} {self.address}/{self.prefix_length}"


class PodNetwork(NodeSeen):
    """A client pod's own view of its network."""

    interfaces: tuple[Interface, ...] = ()
    gateways: dict[Family, str] = Field(default_factory=dict)
    """Default gateway by family."""
    advertised_gateways: tuple[str, ...] = ()
    """Default gateways learnt from router advertisements."""


def _read(node: str, answers: Answers) -> PodNetwork:
    try:
        links = json.loads(answers.files["addresses", "it"])
        routes = {family: json.loads(answers.files[f"routes.{family}", "it"] or "[]") for family in FAMILIES}
    except (KeyError, ValueError):
        printed = answers.files.get(("addresses", "it"), "nothing").splitlines()[0]
        return PodNetwork(node=node, trouble=f"`ip -j address` in the probe image printed: {printed}")
    return PodNetwork(
        node=node,
        interfaces=tuple(
            Interface(
                name=link["ifname"],
                family=Family.V4 if address["family"] == "inet" else Family.V6,
                address=address["local"],
                prefix_length=address["prefixlen"],
                scope=address["scope"],
                dynamic=bool(address.get("dynamic")),
                tentative=bool(address.get("tentative")),
                dadfailed=bool(address.get("dadfailed")),
            )
            for link in links
            for address in link.get("addr_info", [])
            if address.get("family") in ("inet", "inet6")
        ),
        gateways={family: found[0] for family, each in routes.items() if (found := _gateways(each))},
        advertised_gateways=tuple(_gateways(routes[Family.V6], protocol="ra")),
    )


def _gateways(routes: list[dict[str, Any]], protocol: str | None = None) -> list[str]:
    return [
        str(route["gateway"])
        for route in routes
        if route.get("dst") == "default"
        and "gateway" in route
        and (protocol is None or route.get("protocol") == protocol)
    ]


class PodNetworks(Scenario):
    """Interfaces and default routes of every node's client pod, twice."""

    id = "pod-networks"
    on_every_node = (CLIENT,)
    seen = Ask(CLIENT, Request("interfaces", "it"), item=PodNetwork, read=_read)
    later = Ask(CLIENT, Request("interfaces", "it"), item=PodNetwork, read=_read, after=LATER_SECONDS)
