"""What a pod on every node sees of its own network."""

import json

from pydantic import Field

from dualstack.family import FAMILIES, Family
from dualstack.probes.script import Answers, Request
from dualstack.scenario.ask import Ask
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen, Seen


class Interface(Seen):
    """An address on an interface, as `ip address` prints it inside a pod."""

    name: str
    family: Family
    address: str
    prefix_length: int
    scope: str
    """`global`, `link`, `host`."""


class PodNetwork(NodeSeen):
    """A client pod's own view of its network."""

    interfaces: tuple[Interface, ...] = ()
    gateways: dict[Family, str] = Field(default_factory=dict)
    """Default gateway by family."""


def _read(node: str, answers: Answers) -> PodNetwork:
    try:
        links = json.loads(answers.files["addresses", "it"])
        gateways = {family: _gateway(answers.files[f"routes.{family}", "it"]) for family in FAMILIES}
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
            )
            for link in links
            for address in link.get("addr_info", [])
            if address.get("family") in ("inet", "inet6")
        ),
        gateways={family: gateway for family, gateway in gateways.items() if gateway},
    )


def _gateway(routes: str) -> str | None:
    for route in json.loads(routes or "[]"):
        if route.get("dst") == "default" and "gateway" in route:
            return str(route["gateway"])
    return None


class PodNetworks(Scenario):
    """Interfaces and default routes of every node's client pod."""

    id = "pod-networks"
    on_every_node = (CLIENT,)
    seen = Ask(CLIENT, Request("interfaces", "it"), item=PodNetwork, read=_read)
