"""From findings to causes, on made-up findings."""

import itertools
import time

import pytest
from factory import behaviour

from dualstack.diagnosis.diagnose import causes
from dualstack.diagnosis.regions import Shape, regions
from dualstack.family import Family
from dualstack.session.catalogue import TOPICS
from dualstack.verdict.finding import Finding
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

NODES = ("node0", "node1", "node2")
MESH = set(itertools.product(NODES, repeat=2))


def shapes(broken, judged=MESH):
    return [(region.shape, region.names) for region in regions(broken, judged)]


def test_the_widest_shape_without_a_path_that_works_is_named():
    across = {pair for pair in MESH if pair[0] != pair[1]}
    around = {pair for pair in MESH if "node1" in pair}
    assert shapes(MESH) == [(Shape.EVERYWHERE, ())]
    assert shapes(across) == [(Shape.ACROSS, ())]
    assert shapes(MESH - across) == [(Shape.WITHIN, ())]
    assert shapes(around) == [(Shape.AROUND, ("node1",))]
    assert shapes(around - {("node1", "node1")}) == [(Shape.AROUND, ("node1",))]
    assert shapes({p for p in across if p[0] == "node0"}) == [(Shape.FROM, ("node0",))]
    assert shapes({p for p in across if p[1] == "node0"}) == [(Shape.TO, ("node0",))]
    assert shapes({("node0", "node2"), ("node2", "node0")}) == [(Shape.BETWEEN, ("node0", "node2"))]
    assert shapes({("node0", "node2")}) == [(Shape.ONE, ("node0", "node2"))]


def test_where_one_node_alone_is_asked_everything_is_what_leads_to_it():
    to_node0 = {pair for pair in MESH if pair[1] == "node0"}
    assert shapes(to_node0, to_node0) == [(Shape.TO, ("node0",))]
    of_service = {(node, "service") for node in NODES}
    assert shapes(of_service, of_service) == [(Shape.EVERYWHERE, ())]


def test_a_path_that_works_is_never_claimed_and_each_broken_one_is_in_one_region():
    for count in range(1, 9):
        for broken in itertools.combinations(sorted(MESH), count):
            found = regions(broken, MESH)
            assert sorted(pair for region in found for pair in region.pairs) == sorted(broken)


def result(id_, findings, *, topic, traffic=""):
    judge = Judge()
    judge.findings.extend(findings)
    return behaviour(id_, judge, topic=topic).model_copy(update={"traffic": traffic})


def paths(id_, broken, *, topic="pod-to-pod", traffic="TCP", family=Family.V6, targets=NODES, but=()):
    return result(
        id_,
        topic=topic,
        traffic=traffic,
        findings=[
            Finding(
                subject=f"{source} → {target}", source=source, target=target, family=each,
                verdict=Verdict.BREAKS if each is family and (source, target) in broken else Verdict.CONFORMS,
                cause="no answer" if each is family and (source, target) in broken else None,
            )
            for each in Family
            for source, target in itertools.product(NODES, targets)
            if (source, target) not in but
        ],
    )  # fmt: skip


def node(id_, broken, *, topic="node-network", family=Family.V6, traffic="all"):
    return result(
        id_,
        topic=topic,
        traffic=traffic,
        findings=[
            Finding(
                subject=name, family=family, cause="it does not" if name == broken else None,
                verdict=Verdict.BREAKS if name == broken else Verdict.CONFORMS,
            )
            for name in NODES
        ],
    )  # fmt: skip


def said(*results):
    return [each.sentence for each in causes(results, TOPICS)]


LOST = {("node0", "node2")}
AROUND = {pair for pair in MESH if "node1" in pair and pair[0] != pair[1]}


def test_one_lost_route_is_one_cause_and_what_rests_on_it_follows():
    found = causes(
        [
            paths("tcp-pod-to-pod", LOST),
            paths("udp-pod-to-pod", LOST, traffic="UDP"),
            paths("node-port", {("node1", "node0")}, topic="node-ports", traffic="TCP at node ports"),
        ],
        TOPICS,
    )
    assert [each.sentence for each in found] == ["All IPv6 from node0 to node2"]
    assert found[0].behaviours == {"tcp-pod-to-pod": 1, "udp-pod-to-pod": 1}
    assert found[0].follows == {"node-port": 1}
    assert found[0].count == "2 findings of tcp-pod-to-pod and udp-pod-to-pod, 1 that follows"


def test_traffic_that_passes_is_not_said_to_be_lost():
    tcp, udp = paths("tcp-pod-to-pod", set()), paths("udp-pod-to-pod", AROUND, traffic="UDP")
    assert said(tcp, udp) == ["IPv6 UDP to and from node1"]


def test_all_is_said_only_where_protocols_differ_and_what_they_carry_does_not():
    large = (
        {"topic": "mtu", "traffic": "TCP in large packets"},
        {"topic": "mtu", "traffic": "UDP in fragments"},
    )
    sizes = [paths(f"mtu-{n}", LOST, **each) for n, each in enumerate(large)]
    assert said(*sizes) == ["IPv6 TCP in large packets and UDP in fragments from node0 to node2"]
    services = [
        paths(f"cluster-ip-{word}", LOST, topic="cluster-ip", traffic=f"{word} to ClusterIPs")
        for word in ("TCP", "UDP")
    ]
    assert said(*services) == ["All IPv6 to ClusterIPs from node0 to node2"]
    from_nodes = paths("from-node", set(), topic="cluster-ip", traffic="TCP to ClusterIPs from nodes")
    assert said(*services, from_nodes) == ["IPv6 TCP and UDP to ClusterIPs from node0 to node2"]


def test_two_causes_stay_two():
    tcp = paths("tcp-pod-to-pod", LOST)
    large = paths("mtu-tcp", {("node1", "node0")}, topic="mtu", traffic="TCP in large packets")
    udp = paths("udp-pod-to-pod", {("node1", "node1")}, traffic="UDP")
    assert said(tcp, udp) == ["IPv6 TCP from node0 to node2", "IPv6 UDP within node1"]
    assert said(paths("tcp-pod-to-pod", set()), large) == ["IPv6 TCP in large packets from node1 to node0"]


def test_nothing_follows_from_a_narrow_cause():
    kubelet = paths("pod-to-node", LOST, topic="nodes-and-pods", traffic="TCP from pods to nodes")
    port = paths("node-port", {("node1", "node2")}, topic="node-ports", traffic="TCP at node ports")
    assert len(said(kubelet, port)) == 2


def test_the_other_family_does_not_follow():
    v4 = paths("node-port", {("node0", "node2")}, topic="node-ports", traffic="TCP", family=Family.V4)
    assert len(said(paths("tcp-pod-to-pod", LOST), v4)) == 2


def test_a_nodes_own_trouble_is_the_cause_of_what_lies_around_it():
    found = causes([node("node-forwarding", "node1"), paths("tcp-pod-to-pod", AROUND)], TOPICS)
    assert [each.sentence for each in found] == ["node1 (IPv6): it does not"]
    assert found[0].follows == {"tcp-pod-to-pod": 4}


def test_trouble_that_nothing_rests_on_explains_nothing():
    odd = node("node-ip-annotation", "node1", topic="addressing", traffic="")
    assert len(said(odd, paths("tcp-pod-to-pod", AROUND))) == 2


def test_a_nodes_own_trouble_is_no_excuse_for_paths_elsewhere():
    assert len(said(node("node-forwarding", "node1"), paths("tcp-pod-to-pod", LOST))) == 2


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({("node1", "a"), ("node1", "b")}, "IPv6 TCP to ClusterIPs from node1 to a, b"),
        ({(each, "a") for each in NODES}, "IPv6 TCP to ClusterIPs to a from node0, node1, node2"),
    ],
)
def test_services_are_grouped_by_node_or_by_service(broken, sentence):
    of = paths("cluster-ip-tcp", broken, topic="cluster-ip", traffic="TCP to ClusterIPs", targets=("a", "b"))
    assert said(of) == [sentence]


def calls_and_ports(node, *, families=Family, ports=True):
    found = []
    for family in families:
        calls = {(node, "a"), (node, "b")}
        traffic = "TCP to ClusterIPs"
        found.append(
            paths(
                "cluster-ip-tcp",
                calls,
                topic="cluster-ip",
                traffic=traffic,
                family=family,
                targets=("a", "b"),
            )
        )
        to = {(each, node) for each in NODES if ports and each != node}
        found.append(paths("node-port", to, topic="node-ports", traffic="TCP at node ports", family=family))
    return found


def test_services_that_a_node_calls_and_its_own_ports_are_one_cause():
    both = "IPv4 and IPv6 Services on node1: those that it calls, and its own ports"
    assert said(*calls_and_ports("node1")) == [both]
    one = "IPv6 Services on node1: those that it calls, and its own ports"
    assert said(*calls_and_ports("node1", families=[Family.V6])) == [one]
    (found,) = causes(calls_and_ports("node1", families=[Family.V6]), TOPICS)
    assert (found.behaviours, found.family) == ({"cluster-ip-tcp": 2, "node-port": 2}, Family.V6)
    assert len(said(*calls_and_ports("node1", ports=False))) == 2, "only what it calls: each family by itself"


def test_different_calls_of_one_node_to_services_are_one_cause():
    by_ip = paths(
        "cluster-ip-tcp",
        {("node1", "a")},
        topic="cluster-ip",
        traffic="TCP to ClusterIPs",
        targets=("a",),
    )
    by_name = paths("dns-fallback", {("node1", "b")}, topic="dns", traffic="TCP by name", targets=("b",))
    assert said(by_ip, by_name) == ["IPv6 TCP to Services from node1"]
    from_another = paths("dns-fallback", {("node0", "b")}, topic="dns", traffic="TCP by name", targets=("b",))
    assert len(said(by_ip, from_another)) == 2


def test_different_calls_to_the_ports_of_one_node_are_one_cause():
    to_node1 = {(each, "node1") for each in NODES}
    inside = paths("node-port", to_node1, topic="node-ports", traffic="TCP at node ports")
    health = paths("lb-local", {("node1", "node1")}, topic="load-balancers", traffic="TCP at health checks")
    assert said(inside, health) == ["IPv6 TCP at node1's own ports"]
    elsewhere = paths(
        "lb-local", {("node0", "node0")}, topic="load-balancers", traffic="TCP at health checks"
    )
    assert len(said(inside, elsewhere)) == 2


def test_rows_of_policies_follow_from_one_that_breaks_everywhere():
    topic = {"topic": "network-policies", "traffic": ""}
    everywhere = {(a, b) for a in NODES for b in NODES}
    deny = paths("policy-deny", everywhere, **topic)
    egress = paths("policy-egress", {("node1", "node0")}, **topic)
    other = paths("policy-egress", {("node1", "node0")}, family=Family.V4, **topic)
    assert said(deny, egress) == ["IPv6 policy-deny everywhere"]
    assert len(said(deny, other)) == 2, "the other family's rules are another matter"
    assert len(said(egress, paths("policy-allow", {("node0", "node1")}, **topic))) == 2


def test_policies_that_break_on_one_node_are_not_its_services():
    topic = {"topic": "network-policies", "family": Family.V6}
    egress = paths("policy-egress", {("node1", "node0"), ("node1", "node2")}, traffic="", **topic)
    deny = paths("policy-deny", {("node0", "node1"), ("node2", "node1")}, traffic="", **topic)
    assert not any("Services" in sentence for sentence in said(egress, deny))


def test_a_large_mesh_is_diagnosed_in_a_moment():
    nodes = [f"node{n}" for n in range(3000)]
    mesh = {(a, nodes[(n + stride) % 3000]) for n, a in enumerate(nodes) for stride in range(8)}
    start = time.monotonic()
    regions(mesh - set(itertools.islice(sorted(mesh), 100)), mesh)
    assert time.monotonic() - start < 10


def outside():
    where = {"subject": "runner → lb", "source": "runner", "target": "lb", "family": Family.V6}
    bad = Finding(**where, verdict=Verdict.BREAKS, cause="silent")
    return result("lb-reachable", [bad], topic="load-balancers", traffic="TCP to balancers")


def test_a_call_from_outside_follows_from_trouble_inside_and_else_stands_for_itself():
    found = causes([paths("tcp-pod-to-pod", LOST), outside()], TOPICS)
    assert [each.follows for each in found] == [{"lb-reachable": 1}]
    assert said(node("kube-proxy-mode", "node1", topic="kube-proxy"), outside()) == [
        "node1 (IPv6): it does not"
    ]
    hairpin = paths("hairpin", {("node0", "a")}, topic="cluster-ip", traffic="TCP from", targets=("a", "b"))
    assert len(said(hairpin, outside())) == 2
    ping = paths("ping-pod-to-pod", LOST, traffic="ping")
    assert len(said(ping, outside())) == 2


def test_a_path_may_break_more_than_once_and_each_finding_is_counted():
    twice = paths("endpoint-removal", LOST, topic="endpoints", traffic="")
    twice = twice.model_copy(update={"findings": [*twice.findings, *twice.findings]})
    (found,) = causes([twice], TOPICS)
    assert found.findings == sum(each.verdict is Verdict.BREAKS for each in twice.findings) == 2


def test_a_large_broken_cluster_is_diagnosed_in_a_moment():
    """3,000 nodes with a trouble of their own each, and every path of a mesh of three peers broken."""
    nodes = [f"node{n}" for n in range(3000)]
    own = [
        Finding(subject=name, family=Family.V6, verdict=Verdict.BREAKS, cause=f"{name} is odd")
        for name in nodes
    ]
    mesh = [
        Finding(
            subject=f"{name} → {other}", source=name, target=other, family=Family.V6, cause="no answer",
            verdict=Verdict.BREAKS,
        )
        for n, name in enumerate(nodes)
        for other in (nodes[(n + stride) % 3000] for stride in (0, 1, 1000, 2000))
    ]  # fmt: skip
    start = time.monotonic()
    found = causes(
        [
            result("node-dad", own, topic="node-network"),
            *(result(f"mesh-{n}", mesh, topic="pod-to-pod", traffic="TCP") for n in range(4)),
        ],
        TOPICS,
    )
    assert time.monotonic() - start < 20
    assert sum(each.findings for each in found) == 3000 + 4 * len(mesh)
