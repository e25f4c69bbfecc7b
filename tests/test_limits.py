"""Documented limits of support: each judged from several facts, and saying which."""

import re
from ipaddress import ip_address

from dualstack.family import FAMILIES, Family
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenarios.cloud_configs import CloudConfigs
from dualstack.scenarios.kube_proxies import KubeProxies
from dualstack.scenarios.load_balancers import ExternalServices
from dualstack.scenarios.pod_networks import PodNetwork, PodNetworks
from dualstack.survey.model import Node, Survey, of_family
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

SOURCE = "https://github.com/Azure/aks-engine/blob/master/docs/topics/dual-stack.md#limitations"
# azure_vmss.go and azure_vmssflex.go of the cloud provider: how each kind of machine is named
STANDALONE = re.compile(
    r"azure:///subscriptions/.+/providers/Microsoft\.Compute/virtualMachines/[^/]+$", re.I
)
SCALE_SET = re.compile(r"/virtualMachineScaleSets/", re.I)
WINDOWS_BUILD = "node.kubernetes.io/windows-build"  # set by kubelets on Windows only
SCALE_SET_NAME = re.compile(r"-vmss[0-9a-z]{6}$|_[0-9a-f]{8}$")


@behaviour(
    Behaviour(
        id="limit-network-plugin",
        level=Level.MUST,
        tier=Tier.PODS,
        reads=("nodes", "daemonsets"),
        limit="network_plugin",
        claim="The pod network is kubenet's: a bridge with the node's podCIDRs, no network plugin beside.",
        source=SOURCE,
        remedy="Deploy with kubenet, or use a profile that supports this network plugin.",
    ),
    needs=(PodNetworks,),
)
def test_limit_network_plugin(board: Board, survey: Survey, judge: Judge) -> None:
    judge(
        "network plugins in the cluster",
        not survey.network_daemonsets,
        cause=f"a network plugin runs: {', '.join(survey.network_daemonsets)}",
        daemonsets=list(survey.network_daemonsets),
    )
    for network in judge.each(board.wait(PodNetworks.seen).nodes, "probe pods"):
        if network.trouble:
            judge.cannot(network.node, network.trouble)
            continue
        for family in FAMILIES:
            _judge_kubenet(judge, survey.node(network.node), network, family)


@behaviour(
    Behaviour(
        id="limit-os",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        limit="os",
        claim="Every node runs Linux.",
        source=SOURCE,
        remedy="Take nodes of other operating systems out of a dual-stack cluster.",
    )
)
def test_limit_os(survey: Survey, profile: Profile, judge: Judge) -> None:
    for node in judge.each(survey.nodes, "nodes"):
        systems = {node.os, node.os_label or node.os}
        systems |= {"windows"} if WINDOWS_BUILD in node.labels else set()
        judge(
            node.name,
            systems == {profile.limits.os},
            cause=f"it says {' and '.join(sorted(systems))}",
            kubelet_says=node.os,
            label_says=node.os_label,
            windows_build=node.labels.get(WINDOWS_BUILD),
            image=node.os_image,
        )


@behaviour(
    Behaviour(
        id="limit-proxy-mode",
        level=Level.MUST,
        tier=Tier.HOST,
        limit="proxy_modes",
        claim="kube-proxy works in a mode that is supported for dual stack at this version.",
        source=SOURCE,
        remedy="Set kube-proxy's mode to a supported one (ipvs; iptables from 1.18 on).",
    ),
    needs=(KubeProxies,),
)
def test_limit_proxy_mode(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    supported: list[str] = list(profile.limits.modes_at(survey.release) or [])
    for proxy in judge.each(board.wait(KubeProxies.seen).nodes, "nodes"):
        if proxy.mode is None:
            judge.cannot(proxy.node, str(proxy.trouble))
            continue
        judge(
            proxy.node,
            proxy.mode in supported,
            cause=f"mode {proxy.mode}; supported at {survey.release}: {', '.join(supported)}",
            mode=proxy.mode,
            configured=survey.proxy_mode_configured,
        )


@behaviour(
    Behaviour(
        id="limit-vm-set",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        limit="vm_set",
        claim="Every node is a machine of an availability set.",
        source=SOURCE,
        remedy="Deploy node pools as availability sets.",
    )
)
def test_limit_vm_set(survey: Survey, judge: Judge) -> None:
    for node in judge.each(survey.nodes, "nodes"):
        provider_id = node.provider_id or ""
        by_id, by_name = bool(SCALE_SET.search(provider_id)), bool(SCALE_SET_NAME.search(node.name))
        if not by_id and not by_name and not STANDALONE.match(provider_id):
            why = f"providerID {provider_id or 'missing'} is not an Azure machine's"
            judge.cannot(node.name, why, provider_id=node.provider_id, name_pattern=by_name)
            continue
        judge(
            node.name,
            not by_id and not by_name,
            cause=f"its {'providerID' if by_id else 'name'} is that of a scale set",
            provider_id=node.provider_id,
            name_pattern=by_name,
        )


@behaviour(
    Behaviour(
        id="limit-lb-sku",
        level=Level.MUST,
        tier=Tier.HOST,
        limit="load_balancer_sku",
        claim="The load balancer is a Standard one: two IPv6 frontends at once, and the nodes name it so.",
        source=SOURCE,
        remedy="Deploy with loadBalancerSku Standard; a Basic one has a single IPv6 frontend.",
    ),
    needs=(ExternalServices, CloudConfigs),
)
def test_limit_lb_sku(board: Board, profile: Profile, judge: Judge) -> None:
    pair = board.wait(ExternalServices.given).only(Family.V6)
    first, second = (of_family(each.addresses, Family.V6) for each in pair)
    if first:
        judge(
            "two IPv6 load balancers",
            bool(second),
            family=Family.V6,
            cause=f"only one holds an address: {', '.join(first)}",
            first=first,
            second=second,
        )
    else:
        judge.cannot("two IPv6 load balancers", "none has an address (see lb-ipv6)", family=Family.V6)
    named = [each for each in board.wait(CloudConfigs.seen).nodes if each.load_balancer_sku]
    for config in named:
        sku = str(config.load_balancer_sku)
        judge(
            config.node,
            sku.lower() == profile.limits.load_balancer_sku,
            cause=f"its cloud configuration names loadBalancerSku {sku}",
            load_balancer_sku=sku,
        )
    if not named:
        judge.not_applicable("cloud configuration", "no node has the file: agents need none")


def _judge_kubenet(judge: Judge, node: Node, network: PodNetwork, family: Family) -> None:
    """kubenet lays a bridge with the podCIDR's first address, and gives pods the whole podCIDR's mask."""
    ranges = node.pod_networks(family)
    own = [each for each in network.interfaces if each.family is family and each.scope == "global"]
    if not ranges or not own:
        judge.cannot(node.name, f"no {family} podCIDR or no {family} address to compare", family=family)
        return
    address, gateway = f"{own[0].address}/{own[0].prefix_length}", network.gateways.get(family)
    judge(
        node.name,
        own[0].prefix_length == ranges[0].prefixlen and gateway == str(ip_address(ranges[0][1])),
        family=family,
        cause=f"{address} via {gateway} is not what kubenet makes of {ranges[0]}",
        address=address,
        gateway=gateway,
        pod_cidr=str(ranges[0]),
        route_reason=node.route_reason,
    )
