"""The behaviours that only read, on surveys as odd as clusters get."""

import pytest

from dualstack.profile.model import load
from dualstack.report.conclude import by_family, reason, verdict_of
from dualstack.survey.model import Node, Survey
from dualstack.survey.take import take
from dualstack.verdict.judge import Judge, NotApplicable
from dualstack.verdict.words import Verdict


def node(name="node0", ips=("10.0.0.1", "fd00::1"), cidrs=("10.244.0.0/24", "fd00:244::/64"), **more):
    about = {"ready": True, "kubelet": "v1.36.3", "os": "linux", "pod_cidr": cidrs[0] if cidrs else None}
    return Node(name=name, internal_ips=ips, pod_cidrs=cidrs, **(about | more))


@pytest.fixture
def judged(suite_module):
    """A function that judges nodes by a test of tests/test_nodes.py (or another file)."""

    def run(test, *nodes, profile="kubernetes", file="test_nodes", **facts):
        survey = Survey(context=None, server="s", version="v1.36.3", nodes=nodes, **facts)
        judge = Judge(limit=file == "test_limits")
        function = getattr(suite_module(file), test)
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        function(
            **{
                k: v
                for k, v in {"survey": survey, "profile": load(profile)[0], "judge": judge}.items()
                if k in names
            }
        )
        return judge.findings

    return run


READING = ["test_node_ready", "test_node_internal_ips", "test_node_pod_cidrs", "test_node_pod_cidr_masks"]


@pytest.mark.parametrize("test", READING)
def test_a_healthy_node_conforms(judged, test):
    assert verdict_of(judged(test, node())) is Verdict.CONFORMS


@pytest.mark.parametrize("test", READING)
def test_zero_nodes_are_not_green(judged, test):
    findings = judged(test, profile="aks-engine")
    assert verdict_of(findings) is Verdict.BREAKS
    assert "no nodes" in reason(findings)


@pytest.mark.parametrize("test", READING)
def test_a_node_without_anything_is_judged_without_a_crash(judged, test):
    bare = node(ips=(), cidrs=(), kubelet="", ready=False, not_ready_because="no Ready condition")
    assert verdict_of(judged(test, bare, profile="aks-engine")) in (Verdict.BREAKS, Verdict.NOT_JUDGED)


@pytest.mark.parametrize("test", ["test_node_pod_cidrs", "test_node_pod_cidr_masks"])
def test_networks_that_keep_ranges_of_their_own_are_not_blamed(judged, test):
    """No node at all has podCIDRs: Cilium's cluster pool, OVN-Kubernetes, Kube-OVN."""
    with pytest.raises(NotApplicable, match="ranges of its own"):
        judged(test, node(cidrs=()), node("n2", cidrs=()))
    assert verdict_of(judged("test_node_pod_cidrs", node(), node("n2", cidrs=()))) is Verdict.BREAKS


def test_addresses_that_do_not_parse_are_named(judged):
    findings = judged("test_node_internal_ips", node(ips=("10.0.0.1", "fd00:::1")))
    assert any("'fd00:::1' is not an IP address" in (each.cause or "") for each in findings)
    findings = judged("test_node_pod_cidrs", node(cidrs=("10.244.0.0/24", "fd00::/640")))
    assert any("'fd00::/640' is not a network" in (each.cause or "") for each in findings)


def test_a_missing_family_breaks_there_and_only_in_that_family(judged):
    findings = judged("test_node_internal_ips", node(), node("node1", ips=("10.0.0.2",)))
    assert by_family(findings) == {"IPv4": Verdict.CONFORMS, "IPv6": Verdict.BREAKS}
    assert reason(findings) == "node1 (IPv6): no IPv6 InternalIP"


def test_exactly_two_addresses_are_asked_for_only_where_promised(judged):
    many = node(ips=("10.0.0.1", "10.0.0.2", "fd00::1"))
    assert verdict_of(judged("test_node_internal_ips", many)) is Verdict.CONFORMS
    assert verdict_of(judged("test_node_internal_ips", many, profile="aks-engine")) is Verdict.BREAKS


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        (node("node1", cidrs=("10.244.0.0/25", "fd00:245::/64")), "overlaps"),
        (node("node1", cidrs=("10.244.1.0/24", "10.244.2.0/24", "fd00:245::/64")), "2 IPv4 podCIDRs"),
        (node("node1", cidrs=("10.244.1.0/24", "fd00:245::/64"), pod_cidr="10.9.0.0/24"), "not the first"),
    ],
)
def test_pod_ranges_are_one_a_family_ordered_and_disjoint(judged, second, cause):
    findings = judged("test_node_pod_cidrs", node(), second)
    broken = [each.cause for each in findings if each.verdict is Verdict.BREAKS]
    assert len(broken) == 1
    assert cause in broken[0]


@pytest.mark.parametrize(("mask", "conforms"), [(64, True), (65, False), (63, False)])
def test_ipv6_masks_are_at_most_16_bits_longer_than_the_range(judged, mask, conforms):
    findings = judged(
        "test_node_pod_cidr_masks",
        node(cidrs=("10.244.0.0/24", f"fd00:244::/{mask}")),
        pod_ranges=("10.244.0.0/16", "fd00:244::/48"),
    )
    assert (verdict_of(findings) is Verdict.CONFORMS) is conforms


@pytest.mark.parametrize(
    ("about", "verdict"),
    [
        ({"os": "linux", "os_label": "linux"}, Verdict.CONFORMS),
        ({"os": "windows", "os_label": "windows"}, Verdict.UNSUPPORTED),
        ({"os": "linux", "os_label": "windows"}, Verdict.UNSUPPORTED),
        ({"os": "linux", "labels": {"node.kubernetes.io/windows-build": "10.0"}}, Verdict.UNSUPPORTED),
    ],
)
def test_the_operating_system_is_judged_from_all_that_names_it(judged, about, verdict):
    findings = judged("test_limit_os", node(**about), profile="aks-engine", file="test_limits")
    assert verdict_of(findings) is verdict


MACHINES = "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"


@pytest.mark.parametrize(
    ("name", "provider_id", "verdict"),
    [
        (
            "k8s-linuxpool1-12345678-0",
            f"{MACHINES}/virtualMachines/k8s-linuxpool1-12345678-0",
            Verdict.CONFORMS,
        ),
        ("n", f"{MACHINES}/virtualMachineScaleSets/x/virtualMachines/0", Verdict.UNSUPPORTED),
        ("k8s-linuxpool1-12345678-vmss000001", f"{MACHINES}/virtualMachines/n", Verdict.UNSUPPORTED),
        (
            "flexprofile-mp-0_df53ee36",
            f"{MACHINES}/virtualMachines/flexprofile-mp-0_df53ee36",
            Verdict.UNSUPPORTED,
        ),
        ("n", "aws:///x", Verdict.NOT_JUDGED),
        ("n", None, Verdict.NOT_JUDGED),
    ],
)
def test_scale_sets_are_told_by_provider_id_and_by_name(judged, name, provider_id, verdict):
    machine = node(name, provider_id=provider_id)
    findings = judged("test_limit_vm_set", machine, profile="aks-engine", file="test_limits")
    assert verdict_of(findings) is verdict


class Odd:
    """A cluster whose API answers with as little as it may."""

    context, server = None, "s"

    def list(self, path, **query):
        return [{"metadata": {"name": "<b>node</b>"}}] if path.endswith("/nodes") else []

    def each(self, path):
        return iter(self.list(path))

    def get(self, path, **query):
        return {}


def test_a_survey_of_almost_nothing_is_taken_without_a_crash():
    survey = take(Odd(), "v1.36.3")
    assert survey.nodes[0].name == "<b>node</b>"
    assert survey.nodes[0].ready is False
    assert survey.first_service_family is None


def test_many_disjoint_ranges_take_a_pass_and_not_a_pair_each(judged):
    """When each pair was compared, 5,000 nodes took 15 minutes; two thousand would be noticed here."""
    nodes = [
        node(f"n{i}", cidrs=(f"10.{i // 256}.{i % 256}.0/24", f"fd00:244:0:{i:x}::/64")) for i in range(2000)
    ]
    findings = judged("test_node_pod_cidrs", *nodes)
    assert {each.verdict for each in findings} == {Verdict.CONFORMS}


def test_every_range_that_overlaps_is_found(judged):
    wide, inside, apart, last = (
        node("a", cidrs=("10.0.0.0/8", "fd01::/64")),
        node("b", cidrs=("10.1.0.0/24", "fd02::/64")),
        node("c", cidrs=("10.2.0.0/24", "fd03::/64")),
        node("d", cidrs=("11.0.0.0/24", "fd04::/64")),
    )
    findings = judged("test_node_pod_cidrs", apart, wide, last, inside)
    broken = [(each.subject, each.cause) for each in findings if each.verdict is Verdict.BREAKS]
    assert {subject for subject, _ in broken} == {"a"}
    assert {cause.rpartition(" of ")[2] for _, cause in broken} == {
        "b: 10.0.0.0/8 and 10.1.0.0/24",
        "c: 10.0.0.0/8 and 10.2.0.0/24",
    }


@pytest.mark.parametrize("version", ["fake", "kwok-v0.7.0", ""])
def test_an_odd_kubelet_version_costs_its_own_finding_only(judged, version):
    odd = node("odd").model_copy(update={"kubelet": version})
    verdicts = {}
    for each in judged("test_node_ready", odd, node("usual")):
        verdicts.setdefault(each.subject, []).append(each.verdict)
    assert verdicts["odd"] == [Verdict.CONFORMS, Verdict.NOT_JUDGED]
    assert verdicts["usual"] == [Verdict.CONFORMS, Verdict.CONFORMS]
