"""Pods: their addresses, as the API has them and as they see themselves."""

from dualstack.family import FAMILIES
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.seen import PodSeen
from dualstack.scenarios.pod_networks import PodNetworks
from dualstack.scenarios.probe_pods import ProbePods
from dualstack.survey.model import Survey, inside, of_family, same_address, unparsable
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="pod-ips",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A pod on any node has one podIP of each family, the first of them as podIP, each inside its "
        "node's podCIDRs.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-pod-addressing",
        remedy="Give the node's network plugin a range of each family (for host-local: two entries in "
        "`ranges`), then recreate the pods.",
    ),
    needs=(ProbePods,),
)
def test_pod_ips(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    for pod in judge.each(board.wait(ProbePods.running).pods, "probe pods"):
        subject = f"{pod.role} pod on {pod.node}"
        if not pod.running:
            judge.cannot(subject, f"it does not run: {pod.trouble}", target=pod.node)
            continue
        for value in unparsable(pod.pod_ips):
            judge(subject, False, cause=f"podIP {value!r} is not an IP address", target=pod.node)
        judge(
            subject,
            pod.pod_ips[:1] == (pod.pod_ip,),
            cause=f"podIP {pod.pod_ip} is not the first of podIPs",
            target=pod.node,
            pod_ips=list(pod.pod_ips),
        )
        for family in FAMILIES:
            found = of_family(pod.pod_ips, family)
            cidrs = of_family(survey.node(pod.node).pod_cidrs, family) if profile.promises.pod_cidrs else []
            outside = [ip for ip in found if cidrs and not any(inside(ip, cidr) for cidr in cidrs)]
            count = f"{len(found)} {family} podIPs" if found else f"no {family} podIP"
            judge(
                subject,
                len(found) == 1 and not outside,
                family=family,
                target=pod.node,
                cause=f"{outside[0]} lies outside the node's podCIDR" if outside else count,
                pod_ips=list(pod.pod_ips),
                pod_cidrs=cidrs,
            )


@behaviour(
    Behaviour(
        id="pod-interface",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Inside a pod, its interface carries exactly the pod's addresses of each family, IPv6 with "
        "global scope.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-pod-addressing",
        remedy="Compare `ip address` in the pod with status.podIPs: the network plugin and the container "
        "runtime disagree about what was set up.",
    ),
    needs=(ProbePods, PodNetworks),
)
def test_pod_interface(board: Board, judge: Judge) -> None:
    clients = board.wait(ProbePods.running).of(CLIENT)
    for network in judge.each(board.wait(PodNetworks.seen).nodes, "probe pods"):
        subject = f"client pod on {network.node}"
        if network.trouble:
            judge.cannot(subject, network.trouble, target=network.node)
            continue
        for family in FAMILIES:
            seen = [each for each in network.interfaces if each.family is family and each.scope == "global"]
            api = of_family(clients[network.node].pod_ips, family)
            judge(
                subject,
                bool(seen) and _same(clients[network.node], [each.address for each in seen], api),
                family=family,
                target=network.node,
                cause=f"its interface has {', '.join(each.address for each in seen)}, the API says "
                f"{', '.join(api) or 'none'}"
                if seen
                else f"its interface has no global {family} address",
                interface=[f"{each.name} {each.address}/{each.prefix_length}" for each in seen],
                pod_ips=api,
            )


def _same(pod: PodSeen, seen: list[str], api: list[str]) -> bool:
    return len(seen) == len(api) and all(any(same_address(one, two) for two in api) for one in seen)
