"""Releases of Kubernetes: what the components of each are told, and what a variant may ask of them."""

from pathlib import Path

import pytest

from lab import variants
from lab.addresses import Plan
from lab.artifacts import recipe
from lab.errors import LabError
from lab.node import kube_proxy, object_of
from lab.releases import API_SERVER, COMPONENTS, CONTROLLER_MANAGER, KUBE_PROXY, KUBELET, Release

V1_19, V1_23, V1_28, V1_36 = (Release.of(name) for name in ("1.19", "1.23", "1.28", "1.36"))


def test_the_newest_needs_no_flags_and_no_gates() -> None:
    assert [V1_36.flags(each) for each in COMPONENTS] == [[]] * len(COMPONENTS)
    assert "featureGates" not in V1_36.configuration(KUBELET)
    assert V1_36.configuration(KUBE_PROXY) == {}


def test_the_alpha_gate_is_on_everywhere_in_1_19() -> None:
    flagged = [each for each in COMPONENTS if "--feature-gates=IPv6DualStack=true" in V1_19.flags(each)]
    filed = [
        each for each in COMPONENTS if V1_19.configuration(each).get("featureGates", {}).get("IPv6DualStack")
    ]
    assert set(flagged) | set(filed) == set(COMPONENTS)
    assert {KUBELET, KUBE_PROXY}.isdisjoint(flagged)


def test_1_23_has_dual_stack_without_a_gate() -> None:
    for each in COMPONENTS:
        assert not any("IPv6DualStack" in flag for flag in V1_23.flags(each))
        assert "IPv6DualStack" not in V1_23.configuration(each).get("featureGates", {})


def test_no_unauthenticated_port_is_open() -> None:
    assert "--insecure-port=0" in V1_19.flags(API_SERVER)
    assert "--port=0" in V1_19.flags(CONTROLLER_MANAGER)


@pytest.mark.parametrize("release", [V1_19, V1_23, V1_28, V1_36])
def test_every_kubelet_learns_once_where_containerd_is(release: Release) -> None:
    by_flag = any(flag.startswith("--container-runtime-endpoint=") for flag in release.flags(KUBELET))
    assert by_flag != ("containerRuntimeEndpoint" in release.configuration(KUBELET))


def test_old_kubelets_get_no_fields_that_they_refuse() -> None:
    assert set(V1_19.configuration(KUBELET)) == {"featureGates"}
    assert "failCgroupV1" not in V1_28.configuration(KUBELET)


@pytest.mark.parametrize("name", ["2.0", "19", "1.x", "1."])
def test_what_is_no_release_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="written as"):
        Release.of(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kubernetes: '1.x'", "it.yaml: kubernetes: 1.x: a release of Kubernetes is written as 1.19"),
        ("kubernetes: 1.19", "it.yaml: kubernetes: "),
        (
            "kubernetes: '1.28'\nnode: {proxy_mode: nftables}",
            "it.yaml: kube-proxy of Kubernetes 1.28 has no nftables mode",
        ),
    ],
)
def test_a_variant_that_asks_too_much_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "base.yaml").write_text((variants.FOLDER / "default.yaml").read_text())
    (tmp_path / "it.yaml").write_text(f"extends: base\n{text}")
    with pytest.raises(LabError) as caught:
        variants.load("it", folder=tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", variants.names())
def test_every_variant_names_a_release_that_can_be_built(name: str) -> None:
    release = variants.load(name).kubernetes
    assert recipe.of_release(release)[0].version.startswith(f"v{release}.")


def test_on_the_seed_the_cloud_gives_each_node_two_addresses() -> None:
    plan = Plan(variants.load("seed-iptables"))
    addresses = object_of(plan, plan.nodes[0])["status"]["addresses"]
    assert [each["type"] for each in addresses] == ["InternalIP", "InternalIP", "Hostname"]
    assert addresses[1]["address"] == plan.nodes[0].addresses["IPv6"]
    assert kube_proxy(plan, plan.nodes[0])["featureGates"] == {"IPv6DualStack": True}


def test_mark_drop_is_the_seed_without_its_cure() -> None:
    cured, damaged = variants.load("seed-iptables"), variants.load("mark-drop")
    assert "KUBE-MARK-DROP" in cured.settings(0).before_proxy
    assert damaged.settings(0).before_proxy == ""
    assert (cured.healthy, damaged.healthy) == (True, False)
    without = {"title", "healthy", "node"}
    assert cured.model_dump(exclude=without) == damaged.model_dump(exclude=without)
