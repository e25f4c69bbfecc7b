from collections import Counter

import pytest

from dualstack.play.plan import make_plan, make_site
from dualstack.profile.model import load
from dualstack.scenario import manifests
from dualstack.scenario.pairs import EVERY_PEER, FULL_MESH_UP_TO, PEERS_IN_LARGE_CLUSTERS, pairs
from dualstack.session import catalogue
from dualstack.survey.model import Node, Survey
from dualstack.survey.version import Release


def surveyed(*nodes, version="v1.36.3"):
    return Survey(context=None, server="https://[::1]:6443", version=version, nodes=nodes)


def node(name, os="linux", *, ready=True):
    return Node(name=name, ready=ready, kubelet="v1.36.3", os=os, internal_ips=("10.0.0.1", "fd00::1"))


@pytest.mark.parametrize("count", [1, 2, 3, FULL_MESH_UP_TO])
def test_a_small_cluster_is_probed_as_a_full_mesh(count):
    nodes = tuple(f"n{i}" for i in range(count))
    assert sorted(pairs(nodes)) == sorted((one, other) for one in nodes for other in nodes)


@pytest.mark.parametrize("count", [FULL_MESH_UP_TO + 1, 40])
def test_the_full_mesh_can_be_asked_for(count):
    nodes = tuple(f"n{i}" for i in range(count))
    assert len(pairs(nodes, None, EVERY_PEER)) == count**2


@pytest.mark.parametrize("zones", [2, 3, 7])
@pytest.mark.parametrize("count", [12, 50, 301])
def test_every_zone_reaches_every_zone_in_each_direction(zones, count):
    """However the names lie: zones in blocks are the worst case, as pools are named one after the other."""
    nodes = tuple(f"n{i:03}" for i in range(count))
    for zone_of in (lambda i: i % zones, lambda i: i * zones // count, lambda i: min(i, zones - 1)):
        of = {node: f"z{zone_of(i)}" for i, node in enumerate(nodes)}
        across = [pair for pair in pairs(nodes, of) if pair[0] != pair[1]]
        sizes = Counter(of.values())
        want = {(a, b) for a in sizes for b in sizes if a != b or sizes[a] > 1}
        assert {(of[a], of[b]) for a, b in across} == want
        assert min(Counter(a for a, _ in across).values()) >= PEERS_IN_LARGE_CLUSTERS
        assert min(Counter(b for _, b in across).values()) >= PEERS_IN_LARGE_CLUSTERS
        assert len(across) <= count * PEERS_IN_LARGE_CLUSTERS + zones**2


@pytest.mark.parametrize(("count", "peers"), [(25, 8), (100, None), (1000, 3), (10, 4), (2, 5)])
def test_in_a_large_one_every_node_is_source_and_target_equally_often(count, peers):
    nodes = tuple(f"n{i}" for i in range(count))
    chosen = pairs(nodes, None, peers)
    assert len(set(chosen)) == len(chosen)
    across = [pair for pair in chosen if pair[0] != pair[1]]
    bound = min(peers or PEERS_IN_LARGE_CLUSTERS, count - 1)
    assert set(Counter(source for source, _ in across).values()) == {bound}
    assert set(Counter(target for _, target in across).values()) == {bound}
    assert {pair[0] for pair in chosen if pair[0] == pair[1]} == set(nodes)


def plan(survey, profile="kubernetes", idle=None):
    site = make_site(survey, load(profile)[0], image=None, peers=None)
    return make_plan(survey, site, catalogue.scenarios(), idle=idle)


def test_windows_nodes_are_left_out_and_named():
    made = plan(surveyed(node("a"), node("w", os="windows")))
    assert made.site.nodes == ("a",)
    assert set(made.site.left_out) == {"w"}


def test_nodes_without_probe_pods_are_named_with_their_reason():
    virtual = node("v").model_copy(update={"labels": {"type": "virtual-kubelet"}})
    fargate = node("f").model_copy(update={"labels": {"eks.amazonaws.com/compute-type": "fargate"}})
    made = plan(surveyed(node("a"), node("w", os="Windows"), virtual, fargate))
    assert made.site.nodes == ("a",)
    assert {name: why.promised for name, why in made.site.left_out.items()} == {
        "w": True,
        "v": False,
        "f": False,
    }
    assert (
        "promises nothing"
        in plan(surveyed(node("a"), node("w", os="windows")), "aks-engine").site.left_out["w"].reason
    )


def test_pods_end_by_themselves_after_the_longest_that_a_run_may_take():
    made = plan(surveyed(node("a")))
    bodies = {body["metadata"]["name"]: body for body in made.objects()}
    assert bodies["client-0"]["spec"]["activeDeadlineSeconds"] == made.lifetime
    for spec in (bodies["server-0"]["spec"], bodies["removal"]["spec"]["template"]["spec"]):
        (seconds,) = [e["value"] for e in spec["containers"][0]["env"] if e["name"] == "SECONDS_TO_LIVE"]
        assert int(seconds) == made.lifetime > made.seconds()


def test_a_large_mesh_has_fewer_tries_and_the_plan_says_how_many():
    small, large = (plan(surveyed(*(node(f"n{i}") for i in range(count)))) for count in (3, 24))
    assert small.site.tries(6) == 10
    assert large.site.tries(48) == 6
    assert large.site.tries(48, processes=True) == 3
    assert small.cost()["ping tries that count"] == 18 * 10


def test_a_plan_without_nodes_creates_nothing():
    made = plan(surveyed())
    assert made.creates_nothing
    assert made.objects() == []


def test_only_a_few_servers_are_backends_ready_ones_and_far_apart():
    made = plan(surveyed(*(node(f"n{i:02}", ready=i > 1) for i in range(20))))
    marked = [
        body["metadata"]["name"]
        for body in made.objects()
        if manifests.BACKEND_LABEL in body["metadata"].get("labels", {})
    ]
    assert marked == [f"server-{n}" for n in (2, 5, 8, 11, 14, 17)]


def test_the_cloud_configuration_is_read_only_where_the_profile_names_it():
    roles = {pod.role for pod in plan(surveyed(node("a")), "aks-engine").pods}
    assert manifests.CLOUD_CONFIG in roles
    assert manifests.CLOUD_CONFIG not in {pod.role for pod in plan(surveyed(node("a"))).pods}


def service(name, release):
    (body,) = manifests.filled(name, None, release)
    return body["spec"]


@pytest.mark.parametrize("version", ["1.16", "1.19"])
def test_old_servers_are_asked_in_the_words_of_their_time(version):
    spec = service("service-ipv6", Release.parse(version))
    assert spec["ipFamily"] == "IPv6"
    assert not {"ipFamilies", "ipFamilyPolicy"} & set(spec)
    assert "ipFamily" not in service("service-default", Release.parse(version))


def test_new_servers_are_asked_for_families_and_policy():
    spec = service("service-ipv6", Release(1, 20))
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv6"], "SingleStack")
    assert "ipFamily" not in spec


def test_pods_that_need_nothing_pass_the_restricted_level():
    for role in (manifests.CLIENT, manifests.SERVER):
        spec = manifests.pod(
            role, "p", "n", image=None, release=Release(1, 36), cloud_config=None, host_port=None
        )["spec"]
        container = spec["containers"][0]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "volumes"} & set(spec)


def test_a_cluster_of_one_family_is_not_probed_and_says_what_is_missing():
    lone = node("a").model_copy(update={"internal_ips": ("10.0.0.1",), "pod_cidrs": ("10.1.0.0/24",)})
    assert plan(surveyed(lone)).creates_nothing == (
        "this is not a dual-stack cluster: no node has an IPv6 InternalIP, none has an IPv6 podCIDR"
    )
    assert plan(surveyed(lone, node("b"))).creates_nothing is None


def test_a_second_namespace_is_counted_and_in_a_given_one_neither_made_nor_permitted():
    made, cluster = plan(surveyed(node("a"))), surveyed(node("a"))
    services = sum(body["kind"] == "Service" for body in made.objects())
    assert (made.cost()["namespaces"], made.cost()["services"]) == (2, services + 1)
    site = make_site(cluster, made.site.profile, image=None, peers=None, namespace_given=True)
    given = make_plan(cluster, site, catalogue.scenarios(), idle=None, namespace="theirs")
    assert (given.cost()["namespaces"], given.cost()["services"], given.made_besides()) == (0, services, {})
    assert not any(each.what == "namespaces" for each in given.permissions())
