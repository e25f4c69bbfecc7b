"""The name servers that pods are given, and the cluster's own ones: where questions go to."""

from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.family import is_address
from dualstack.probes.script import Answers
from dualstack.scenario.seen import NodeSeen, Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step

DNS_LABEL = "k8s-app=kube-dns"
"""On the Service of the cluster's DNS, whatever serves it
(https://kubernetes.io/docs/tasks/administer-cluster/dns-custom-nameservers/)."""
USUAL_DOMAIN = "cluster.local"


class Resolver(NodeSeen):
    """What one node's pods are told of name servers."""

    servers: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Its lines that name a server by no address."""
    domain: str = USUAL_DOMAIN
    """The cluster's, as the search list has it."""


class DnsService(Seen):
    """The Services of the cluster's DNS."""

    addresses: tuple[str, ...] = ()
    trouble: str | None = None
    """Why they could not be read."""


class ClusterDns(Step[DnsService]):
    """Find the cluster's DNS by its label."""

    result = DnsService

    def needs(self, site: Site) -> Needs:
        """Need to list the Services of kube-system."""
        return Needs(permissions=(Permission("list", "", "services", optional=True),))

    def run(self, stage: Stage) -> DnsService:
        """Return its addresses; that they may not be read is a result."""
        path = "/api/v1/namespaces/kube-system/services"
        try:
            items = stage.cluster.list(path, labelSelector=DNS_LABEL)
        except ApiError as error:
            return DnsService(trouble=str(error))
        specs = [item.get("spec", {}) for item in items]
        found = [ip for spec in specs for ip in spec.get("clusterIPs") or [spec.get("clusterIP")]]
        return DnsService(addresses=tuple(ip for ip in found if ip and ip != "None"))


def read_resolver(node: str, answers: Answers) -> Resolver:
    """Read a pod's resolv.conf (man 5 resolv.conf); an address may have a zone, as a router's often has."""
    text = answers.files.get(("resolver", "resolver"))
    if not text:
        return Resolver(node=node, trouble="there is no /etc/resolv.conf in the pod")
    lines = [line.split() for line in text.splitlines()]
    named = [" ".join(words[1:2]) for words in lines if words[:1] == ["nameserver"]]
    search = [word for words in lines if words[:1] == ["search"] for word in words[1:]]
    domains = [word.removeprefix("svc.").rstrip(".") for word in search if word.startswith("svc.")]
    return Resolver(
        node=node,
        servers=tuple(each for each in dict.fromkeys(named) if is_address(each)),
        unread=tuple(f"nameserver {each}".strip() for each in named if not is_address(each)),
        domain=next(iter(domains), USUAL_DOMAIN),
    )
