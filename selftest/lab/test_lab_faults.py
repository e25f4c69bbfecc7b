"""Each fault bites where its title says, nowhere else, and is gone when mended: by direct probes."""

import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import lab
from lab import faults

sys.path.insert(0, str(Path(__file__).parent))
from direct import Paths, Probes, service

pytestmark = pytest.mark.lab

# Patterns of paths that must break, and of those that may, since a Service's backend is chosen at random.
BALANCED = ("balanced IPv6 *", "lb IPv6", "nodeport IPv6 *")
EXPECTED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bridge-nf-off": (("local IPv6 node1",), ("balanced IPv6 node1",)),
    "cluster-ips-dropped": (("balanced IPv6 node1", "local IPv6 node1", "hairpin IPv6 node1"), ()),
    "duplicate-address": (("nodeport IPv6 node2",), ("* IPv6 node?>node2", *BALANCED)),
    "forwarding-off": (("* IPv6 node[02]>node1", "* IPv6 node1>node[02]"), BALANCED),
    "forward-drop": (
        ("* IPv6 node[02]>node1", "* IPv6 node1>node[02]"),
        ("* IPv6 node1>node1", "local IPv6 node1", "hairpin IPv6 node1", *BALANCED),
    ),
    "fragments-dropped": (
        ("fragments IPv6 node0>node[12]", "fragments IPv6 node[12]>node0"),
        ("fragments IPv6 *",),
    ),
    "hairpin-off": (("hairpin IPv? node0",), ()),
    "icmpv6-echo-dropped": (
        ("ping IPv6 node0>node[12]", "ping IPv6 node1>node[02]", "ping IPv6 node2>node[01]"),
        (),
    ),
    "lb-silent": (("lb IPv6",), ()),
    "masquerade": (("source IPv6 node1>node[02]",), ()),
    "nd-dropped": (
        ("* IPv6 node[02]>node1", "* IPv6 node1>node?", "nodeport IPv6 node1", "local IPv6 node1"),
        ("hairpin IPv6 node1", *BALANCED),
    ),
    "nodeport-blocked": (("nodeport IPv6 node2",), ()),
    "one-way": (("* IPv6 node1>node2",), ("balanced IPv6 node1",)),
    "pmtu-blackhole": (("large IPv6 node0>node[12]",), ("large IPv6 node[12]>node0",)),
    "replies-lost": (
        ("* IPv6 node0>node[12]", "* IPv6 node1>node[02]", "* IPv6 node2>node[01]"),
        BALANCED,
    ),
    "route-blackhole": (("* IPv6 node0>node2", "* IPv6 node2>node0"), BALANCED),
    "udp-only": (("udp IPv6 *", "fragments IPv6 *"), ()),
}


QUIET = (
    "address-deprecated",
    "address-taken",
    "addresses-reordered",
    "egress-lost",
    "first-syn-lost",
    "hosts-of-one-family",
    "kubelet-filtered",
    "pods-advertised",
    "port-answers-anyway",
    "provided-ip-unknown",
    "route-ends-soon",
    "route-runs-out",
    "router-client",
    "router-ignored",
    "vip-speaks",
)
"""Faults of what will happen, or of what nobody uses: traffic goes on."""
COUNTED = {"half-reset", "stranger", "mesh-of-one-family", "multicast-lost"}
"""For a single try these are chance, or a matter of who answered: the suite counts (test_suite.py)."""
SELF_PROVING = {
    "balancer-gives-one", "balancer-keeps", "policy-refuses-services", "policy-wants-limits",
    "ranges-of-one-family", "services-corrected", "services-frozen", "services-set-back",
}  # fmt: skip
"""These wait by themselves until the API server heeds them."""
OF_OTHERS = {
    "addresses-unowned", "aggregated-api-lost", "apiserver-no-pods", "host-pods-stale", "kubelet-refuses",
    "listens-in-ipv4-only", "range-going", "switched-late", "workloads-left-behind",
}  # fmt: skip
"""These are about the control plane's own ways, or about what ran before (test_suite.py)."""
OF_NAMES = {
    "dns-external-ipv4-only", "dns-nxdomain", "dns-no-aaaa", "dns-no-ip6-arpa", "kubelet-without-dns",
    "resolver-dead",
}  # fmt: skip
"""These change what the DNS says, and no path (test_suite.py)."""
OF_ANOTHER_VARIANT = {
    "balancer-flaps", "flannel-neighbour-stale", "flannel-too-big-lost", "host-port-ipv4-only",
    "internal-pool-gone", "name-server-with-zone", "network-plugin", "policy-block-opens-both",
    "policy-eats-nd", "policy-engine-dies",
    "policy-engine-stopped", "policy-not-lasting", "policy-v4-only", "tunnel-neighbour-stale",
}  # fmt: skip
"""These need another cluster than this file's; the suite is exact about them (test_suite.py)."""
OF_THE_SUITES_OWN = {
    "accounts-are-late", "balancer-is-late", "balancer-name-ipv4-only", "dad-slow", "default-deny",
    "filter-frozen", "services-annotated", "slice-left-behind",
}  # fmt: skip
"""These act on namespaces, Services and new pods of the suite only."""


def matching(paths: Paths, patterns: tuple[str, ...]) -> set[str]:
    return {path for path in paths if any(fnmatch(path, pattern) for pattern in patterns)}


@pytest.fixture(scope="module")
def probes() -> Iterator[Probes]:
    found = Probes(lab.up())
    yield found
    found.close()
    lab.down()


@pytest.fixture(scope="module")
def healthy(probes: Probes) -> Paths:
    paths = probes.settled()
    assert all(paths.values()), "paths are broken without any fault"
    return paths


@pytest.mark.parametrize("name", EXPECTED)
def test_it_bites_where_it_says_and_is_mended(probes: Probes, healthy: Paths, name: str) -> None:
    must, may = (matching(healthy, patterns) for patterns in EXPECTED[name])
    with lab.fault(name):
        broken = probes.broken()
        assert must <= broken
        assert broken <= must | may
    assert all(probes.settled().values())


def test_loss_loses_some_and_not_all(probes: Probes, healthy: Paths) -> None:
    with lab.fault("loss"):
        tries = [probes.broken() for _ in range(3)]
    crossing = matching(
        healthy, ("ping IPv6 node0>node[12]", "ping IPv6 node1>node[02]", "ping IPv6 node2>node[01]")
    )
    lost = sum(len(each & crossing) for each in tries)
    assert 0 < lost < 3 * len(crossing)
    assert not any("IPv4" in path for each in tries for path in each)
    assert all(probes.settled().values())


def test_a_stopped_proxy_does_not_learn_of_new_services(probes: Probes, healthy: Paths) -> None:
    with lab.fault("proxy-stopped"):
        probes.create(service("late"))
        expected = {f"{family} node{index}": index != 2 for family in ("IPv4", "IPv6") for index in range(3)}
        assert probes.service_from("late", lambda found: found == expected) == expected
    assert all(probes.service_from("late", lambda found: all(found.values())).values())


def test_ipv6_rules_that_cannot_be_written_stay_as_they_were(probes: Probes, healthy: Paths) -> None:
    """The fault waits for a Service of that name to lose its backends; node2 then goes on to reach them."""
    alone = {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}
    with lab.fault("stale-ipv6-rules"):
        probes.create(service("removal-ipv6", **alone))
        assert all(probes.service_from("removal-ipv6", lambda found: all(found.values())).values())
        probes.create(service("removal-ipv6", **alone, selector={"app": "nobody"}))
        expected = {"IPv6 node0": False, "IPv6 node1": False, "IPv6 node2": True}
        assert probes.service_from("removal-ipv6", lambda found: found == expected) == expected
        time.sleep(2)
        assert probes.service_from("removal-ipv6", lambda _: True) == expected, "and stays so"
    assert not any(probes.service_from("removal-ipv6", lambda found: not any(found.values()), 60).values())


def test_a_stopped_kubelet_is_noticed(probes: Probes, healthy: Paths) -> None:
    with lab.fault("kubelet-down"):
        assert probes.ready_nodes(lambda found: "node2" not in found, 40) == {"node0", "node1"}
        pod_to_pod = {path for path in probes.broken() if ">" in path}
        assert not pod_to_pod  # its pods leave the Services' endpoints, and work on
    assert len(probes.ready_nodes(lambda found: len(found) == 3, 40)) == 3
    assert all(probes.settled().values())


def test_a_restarted_api_server_comes_back(probes: Probes, healthy: Paths) -> None:
    with lab.fault("apiserver-restart"):
        assert len(probes.ready_nodes(lambda found: len(found) == 3, 30)) == 3
        assert all(probes.settled().values())


def test_a_policy_refuses_services_of_ipv4_alone(probes: Probes) -> None:
    with lab.fault("policy-refuses-ipv4"):
        with pytest.raises(AssertionError, match="wants no Services of IPv4 alone"):
            probes.create(service("refused", ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"]))
        probes.create(service("accepted", ipFamilyPolicy="SingleStack", ipFamilies=["IPv6"]))
    probes.create(service("refused", ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"]))


def test_a_policy_makes_services_ipv6(probes: Probes) -> None:
    with lab.fault("policy-prefers-ipv6"):
        assert probes.families(service("preferred", ipFamilyPolicy="SingleStack")) == ["IPv6"]
    assert probes.families(service("usual", ipFamilyPolicy="SingleStack")) == ["IPv4"]


def test_another_network_plugin_is_an_object_only(probes: Probes, healthy: Paths) -> None:
    with lab.fault("network-plugin"):
        assert not probes.broken()


@pytest.mark.parametrize("name", QUIET)
def test_traffic_goes_on(probes: Probes, healthy: Paths, name: str) -> None:
    with lab.fault(name):
        assert not probes.broken()


def test_every_fault_is_tried_here() -> None:
    by_name = {
        "loss",
        "proxy-stopped",
        "stale-ipv6-rules",
        "kubelet-down",
        "apiserver-restart",
    }
    by_name |= {"policy-refuses-ipv4", "policy-prefers-ipv6"}
    by_name |= {
        *QUIET,
        *COUNTED,
        *SELF_PROVING,
        *OF_NAMES,
        *OF_OTHERS,
        *OF_ANOTHER_VARIANT,
        *OF_THE_SUITES_OWN,
    }
    assert set(faults.names()) == set(EXPECTED) | by_name
