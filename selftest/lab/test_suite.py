"""The suite on real clusters: quiet on healthy ones, and exact on misdeployed and damaged ones.

Exact means: the broken findings are these and no others, each with its subject and its family.
"""

import os
from itertools import product

import pytest
from suite import Broken, judge, lab

from lab.artifacts import uml

pytestmark = pytest.mark.lab

V4, V6 = "IPv4", "IPv6"
NODES = ("node0", "node1", "node2")
POD_TO_POD = ("tcp-pod-to-pod", "ping-pod-to-pod")


def paths(*pairs: tuple[str, str], behaviours: tuple[str, ...] = POD_TO_POD) -> Broken:
    return {(id_, f"{a} → {b}", V6) for id_ in behaviours for a, b in pairs}


HEALTHY = [
    ("default", "kubernetes"),
    ("nftables", "kubernetes"),
    ("ipv6-first", "kubernetes"),
    ("aks-engine", "aks-engine"),
    ("seed-iptables", "aks-engine"),  # the oldest release of the lab
    pytest.param(
        *("seed", "aks-engine"),
        marks=pytest.mark.skipif(
            os.uname().machine not in uml.MACHINES,
            reason="there is no user-mode Linux for this machine's type",
        ),
    ),
    ("kubernetes-1.37", "kubernetes"),  # the newest
]

MISDEPLOYED: list[tuple[str, str, str, Broken]] = [
    ("kubelet-one-ip", "kubernetes", "not-conformant", {("node-internal-ips", "node2", V6)}),
    (
        "cni-ipv4-only",
        "kubernetes",
        "not-conformant",
        {
            ("pod-ips", "client pod on node2", V6),
            ("pod-ips", "server pod on node2", V6),
            ("pod-interface", "client pod on node2", V6),
            ("cluster-ip-tcp", "node2 → service-ipv6", V6),
            *paths(*[pair for pair in product(NODES, NODES) if "node2" in pair]),
        },
    ),
    (
        "cidr-ipv4-only",
        "kubernetes",
        "not-conformant",
        {("node-pod-cidrs", node, V6) for node in NODES},
    ),
    (
        "services-ipv4-only",
        "kubernetes",
        "not-conformant",
        {("service-ipv6", "service service-ipv6", V6)},
    ),
    (
        "lb-pool-ipv4",
        "kubernetes",
        "not-conformant",
        {("lb-ipv6", "one IPv6 load balancer", V6)},
    ),
    (
        "lb-one-ipv6",
        "aks-engine",
        "conformant",  # the one is a SHOULD, the other a limit of support
        {
            ("lb-second-ipv6", "two IPv6 load balancers", V6),
            ("limit-lb-sku", "two IPv6 load balancers", V6),
        },
    ),
    (
        "limits",
        "aks-engine",
        "conformant",
        {
            ("limit-os", "k8s-linuxpool1-12345678-0", None),
            ("limit-vm-set", "k8s-linuxpool1-12345678-vmss000000", None),
            ("limit-lb-sku", "k8s-linuxpool1-12345678-0", None),
            ("limit-lb-sku", "k8s-linuxpool1-12345678-vmss000000", None),
            ("limit-lb-sku", "k8s-master-12345678-0", None),
        },
    ),
]

BALANCERS: Broken = {
    ("lb-reachable", f"runner → {name}", V6) for name in ("load-balancer-ipv6", "load-balancer-ipv6-second")
}

# Breaks for certain, and what may break with it: which node announces an address, or which rules were in
# place when they stopped being written, is chance.
CHANCY: list[tuple[str, str, str, Broken, Broken]] = [
    (
        "mark-drop",
        "",
        "aks-engine",
        BALANCERS,
        {("cluster-ip-tcp", f"k8s-{node}-12345678-{n} → service-ipv6", V6)
         for node, n in (("linuxpool1", 0), ("linuxpool1", 1), ("master", 0))},
    ),
    ("proxy-mixed", "", "kubernetes", {("kube-proxy-mode", "node2", None)}, set()),
    (
        "proxy-ipv4-only",
        "",
        "kubernetes",
        {("kube-proxy-mode", "node1", V6), ("cluster-ip-tcp", "node1 → service-ipv6", V6)},
        BALANCERS,
    ),
    ("mask-undeclared", "", "kubernetes", {("node-pod-cidr-masks", node, V6) for node in NODES}, set()),
    (
        "default",
        "lb-silent",
        "kubernetes",
        BALANCERS,
        set(),
    ),
    (
        "aks-engine",
        "network-plugin",
        "aks-engine",
        {("limit-network-plugin", "network plugins in the cluster", None)},
        set(),
    ),
]  # fmt: skip

FAULTS: list[tuple[str, str, Broken]] = [
    (
        "icmpv6-echo-dropped",
        "conformant",  # ping is a SHOULD under this profile
        paths(*[(a, b) for a, b in product(NODES, NODES) if a != b], behaviours=("ping-pod-to-pod",)),
    ),
    # node0 has no way to node2's pods, so its answers to them are lost as well
    ("route-blackhole", "not-conformant", paths(("node0", "node2"), ("node2", "node0"))),
    # one-way is judged in test_nights.py, as exactly
    (
        "policy-refuses-ipv4",
        "not-conformant",
        {
            ("service-ipv4", "service service-ipv4", V4),
            ("service-default-family", "service service-default", V4),
        },
    ),
    ("policy-prefers-ipv6", "not-conformant", {("service-default-family", "service service-default", V4)}),
]


@pytest.mark.parametrize(("variant", "profile"), HEALTHY)
def test_a_healthy_cluster_is_conformant(variant, profile, tmp_path):
    lab("up", "--variant", variant)
    judged = judge(tmp_path, f"--profile={profile}", "--strict-support")
    assert judged.broken() == set(), judged.output
    assert (judged.report["verdict"], judged.status) == ("conformant", 0), judged.output
    assert judged.report["left_behind"] == []
    unjudged = [id_ for id_, verdict in judged.verdicts.items() if verdict == "not-judged"]
    assert unjudged == []


def test_workers_change_nothing_but_the_processes(tmp_path):
    lab("up")
    judged = judge(tmp_path, "-n", "2")
    assert judged.status == 0, judged.output
    assert set(judged.verdicts.values()) == {"conforms", "not-applicable"}


@pytest.mark.parametrize(("fault", "verdict", "expected"), FAULTS, ids=[each[0] for each in FAULTS])
def test_damage_is_found_where_it_is_and_nowhere_else(fault, verdict, expected, tmp_path):
    lab("up")
    lab("fault", fault)
    try:
        judged = judge(tmp_path)
    finally:
        lab("mend", fault)
    assert judged.broken() == expected, judged.output
    assert judged.report["verdict"] == verdict


@pytest.mark.parametrize(
    ("variant", "profile", "verdict", "expected"), MISDEPLOYED, ids=[each[0] for each in MISDEPLOYED]
)
def test_a_misdeployed_cluster_breaks_exactly_there(variant, profile, verdict, expected, tmp_path):
    lab("up", "--variant", variant)
    judged = judge(tmp_path, f"--profile={profile}")
    assert judged.broken() == expected, judged.output
    assert judged.report["verdict"] == verdict
    assert judged.report["left_behind"] == []


@pytest.mark.parametrize(
    ("variant", "fault", "profile", "must", "may"), CHANCY, ids=[each[1] or each[0] for each in CHANCY]
)
def test_what_else_breaks_is_bounded(variant, fault, profile, must, may, tmp_path):
    lab("up", "--variant", variant)
    if fault:
        lab("fault", fault)
    try:
        judged = judge(tmp_path, f"--profile={profile}")
    finally:
        if fault:
            lab("mend", fault)
    assert must <= judged.broken() <= must | may, judged.output
    assert judged.report["left_behind"] == []


@pytest.mark.parametrize("variant", ["limits"])
def test_the_strict_option_makes_a_limit_count(variant, tmp_path):
    lab("up", "--variant", variant)
    profile = tmp_path / "ipvs-only.yaml"
    profile.write_text(
        "name: ipvs-only\ntitle: as the first document had it\nextends: aks-engine\n"
        'limits: {proxy-modes: {"1.16": [ipvs], "1.18": [ipvs]}}\n'
    )
    judged = judge(tmp_path / "reports", f"--profile={profile}", "--strict-support")
    assert (judged.status, judged.report["verdict"]) == (1, "not-conformant"), judged.output
    assert judged.verdicts["limit-proxy-mode"] == "unsupported"
    outside = [each["id"] for each in judged.report["behaviours"] if each["support"] == "outside"]
    assert "limit-proxy-mode" in outside


@pytest.mark.parametrize("variant", ["services-ipv4-only"])
def test_the_cause_is_the_api_servers_own_word(variant, tmp_path):
    lab("up", "--variant", variant)
    judged = judge(tmp_path)
    assert "not configured on this cluster" in judged.causes("service-ipv6")
    assert judged.verdicts["cluster-ip-tcp"] == judged.verdicts["lb-ipv6"] == "not-judged"
