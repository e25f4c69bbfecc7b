"""Which profile a survey speaks for, and what is said where none or several fit."""

import pytest

from dualstack.errors import UserError
from dualstack.profile.model import built_in, load
from dualstack.profile.signs import Signs, fitting
from dualstack.session.auto import doubts, proposed
from dualstack.session.options import Options
from dualstack.survey.model import Node, Survey

AZURE = "azure:///subscriptions/S/resourceGroups/RG/providers/Microsoft.Compute"
ENGINE = {"kubernetes.azure.com/role": "agent", "kubernetes.azure.com/cluster": "rg"}
BOTH, ONLY6 = ("10.244.0.0/24", "fd00::/64"), ("fd00::/64",)


def survey(*, nodes=2, provider="", kubelet="v1.36.3", labels=None, cidrs=BOTH, **facts):
    made = tuple(
        Node(
            name=f"node{index}",
            ready=True,
            kubelet=kubelet,
            os="linux",
            provider_id=provider.format(index) or None,
            labels=labels or {},
            pod_cidrs=cidrs,
        )
        for index in range(nodes)
    )
    return Survey(context=None, server="", version="v1.36.3", nodes=made, **facts)


KINDS = {
    "aks-engine": survey(provider=f"{AZURE}/virtualMachines/k8s-linuxpool1-12345678-{{}}", labels=ENGINE),
    "aks-engine-kubenet": survey(
        provider=f"{AZURE}/virtualMachineScaleSets/k8s-pool-1-vmss/virtualMachines/{{}}", labels=ENGINE
    ),
    "aks-engine-azurecni": survey(
        provider=f"{AZURE}/virtualMachines/k8s-pool-1-{{}}", labels=ENGINE, cidrs=ONLY6
    ),
    "aks-overlay": survey(
        provider="azure:///subscriptions/S/resourceGroups/mc_rg/providers/Microsoft.Compute/"
        "virtualMachineScaleSets/aks-nodepool1-1-vmss/virtualMachines/{}",
        labels=ENGINE,
        network_daemonsets=("kube-system/azure-cns",),
    ),
    "aks-cilium": survey(
        provider=f"{AZURE}/virtualMachineScaleSets/aks-nodepool1-1-vmss/virtualMachines/{{}}",
        network_daemonsets=("kube-system/azure-cns", "kube-system/cilium"),
    ),
    "capz": survey(
        provider=f"{AZURE}/virtualMachines/capz-md-0-{{}}", proxy_config_at="kube-proxy/config.conf"
    ),
    "eks-ipv6": survey(
        provider="aws:///eu-west-1a/i-{}",
        kubelet="v1.33.4-eks-99d6cc0",
        cidrs=(),
        network_daemonsets=("kube-system/aws-node",),
        kubernetes_service_ip="fd5a:1::1",
    ),
    "gke-dual": survey(provider="gce://project/zone/gke-{}", kubelet="v1.33.5-gke.1080000"),
    "openshift": survey(
        labels={"node.openshift.io/os_id": "rhcos"},
        network_daemonsets=("openshift-ovn-kubernetes/ovnkube-node",),
    ),
    "kubeadm": survey(proxy_config_at="kube-proxy/config.conf"),
    "kind": survey(
        provider="kind://docker/kind/kind-worker{}",
        proxy_config_at="kube-proxy/config.conf",
        network_daemonsets=("kube-system/kindnet",),
    ),
    "k3s": survey(kubelet="v1.33.5+k3s1", provider="k3s://node{}"),
    "rke2": survey(kubelet="v1.33.5+rke2r1", network_daemonsets=("kube-system/rke2-canal",)),
}


def options(profile="auto"):
    return Options.model_construct(profile=profile)


def test_every_profile_with_signs_is_tried_here():
    assert {name for name, each in built_in().items() if not each.signs.is_empty} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_known_by_its_signs(kind):
    chosen, because = proposed(options(), KINDS[kind])
    assert chosen.profile == kind
    assert because


def test_a_cluster_without_signs_fits_nothing():
    with pytest.raises(UserError) as raised:
        proposed(options(), survey())
    assert str(raised.value) == (
        "--profile auto: no built-in profile fits (providerIDs: none; kubelets: v1.36.3; network DaemonSets: "
        "none; kube-proxy's ConfigMap: none): choose kubernetes, which judges what every cluster promises"
    )


def test_several_that_fit_are_named():
    both = survey(kubelet="v1.33.5+k3s1", proxy_config_at="kube-proxy/config.conf")
    with pytest.raises(UserError, match=r"several profiles fit, k3s, kubeadm .*: choose k3s or kubeadm$"):
        proposed(options(), both)


def test_a_cluster_of_ipv4_on_eks_is_not_the_ipv6_one():
    other = KINDS["eks-ipv6"].model_copy(update={"kubernetes_service_ip": "172.20.0.1"})
    with pytest.raises(UserError, match="no built-in profile fits"):
        proposed(options(), other)


def test_one_node_that_does_not_show_it_is_enough():
    mixed = KINDS["k3s"].model_copy(update={"nodes": (*KINDS["k3s"].nodes, *survey(nodes=1).nodes)})
    assert fitting({"k3s": load("k3s")[0].signs}, mixed) == []


def test_no_nodes_and_no_signs_prove_nothing():
    assert not Signs(kubelet="*").hold(survey(nodes=0))
    assert not Signs().hold(survey())


def test_nodes_that_may_not_be_read_are_the_reason():
    hidden = Survey(context=None, server="", version="v1.36.3", missing={"nodes": "forbidden: list nodes"})
    with pytest.raises(UserError, match=r"^--profile auto: forbidden: list nodes: name a profile$"):
        proposed(options(), hidden)


def test_a_default_profile_is_doubted_where_another_fits():
    hint = doubts("kubernetes", load("kubernetes")[0], KINDS["k3s"])
    assert hint == "the survey speaks for --profile k3s: kubelets *+k3s*"


def test_a_named_profile_is_doubted_where_its_signs_do_not_hold():
    hint = doubts("rke2", load("rke2")[0], survey())
    assert hint == "the survey speaks against profile rke2, which has kubelets *+rke2*"


@pytest.mark.parametrize(
    ("named", "seen"),
    [("k3s", "k3s"), ("kubernetes", None), ("in-cluster", "k3s"), ("aks-engine", "aks-engine")],
)
def test_no_hint_without_a_reason(named, seen):
    assert doubts(named, load(named)[0], KINDS[seen] if seen else survey()) is None
