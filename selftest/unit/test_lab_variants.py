"""Variants: what their files may say, how they extend each other, and which addresses follow from them."""

from pathlib import Path

import pytest

from lab import faults, variants
from lab.addresses import Plan
from lab.errors import LabError
from lab.node import cni, object_of

BASE = """\
title: base
pods: [{range: 10.1.0.0/16, node_mask: 24}, {range: 'fd01::/48', node_mask: 64}]
services: [10.2.0.0/16, 'fd02::/112']
node: {labels: {a: '1', b: '2'}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def _names(variant: variants.Variant) -> list[str]:
    return [each.name for each in variant.all_settings]


def refusal(folder: Path, text: str) -> str:
    (folder / "it.yaml").write_text(text)
    with pytest.raises(LabError) as caught:
        variants.load("it", folder=folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: base\ncolour: red", "it.yaml: colour: no such key"),
        ("extends: base\nnodes: three", "it.yaml: nodes: "),
        ("extends: base\nnodes: 0", "it.yaml: nodes: "),
        ("extends: base\nnodes: 17", "it.yaml: nodes: "),
        ("extends: base\nservices: [10.2.0.0]\nbridge: 7", "it.yaml: bridge: "),
        ("extends: base\nservices: [10.2.0.1/16]", "it.yaml: services: 10.2.0.1/16 has host bits set"),
        ("extends: base\nservices: [10.2.0.0/16, 10.3.0.0/16]", "services: one range of each family"),
        ("extends: base\npods: [{range: 10.1.0.0/16, node_mask: 8}]", "it.yaml: pods.0: node_mask 8 must be"),
        ("extends: base\nnode: {node_ips: [IPv5]}", "it.yaml: node.node_ips.0: "),
        ("extends: base\nper_node: {1: {proxy_mod: nftables}}", "per_node.1.proxy_mod: no such key"),
        ("extends: base\nnode: {files: {/usr/bin/x: ''}}", "only files below /etc"),
        ("extends: base\nnode: {proxy_mode: ipvs}", "it.yaml: node0: proxy_mode ipvs needs own_kernel: true"),
        (
            "extends: base\nnode: {own_kernel: true, proxy_mode: nftables}",
            "it.yaml: node0: its own kernel has no nftables",
        ),
        (
            "extends: base\nnode: {proxy_mode: none}",
            "it.yaml: node0: proxy_mode none needs an agent that implements Services",
        ),
        (
            "extends: base\npod_interfaces: agent",
            "it.yaml: node0: pod_interfaces agent needs an agent that brings a CNI plugin",
        ),
        ("extends: nobody", "no variant 'nobody' (extended by it.yaml, known: base, it)"),
        ("extends: it", "extends itself (it -> it)"),
        ("extends: [base]", "it.yaml: extends: must be the name of one variant"),
        ("title: x", "it.yaml: pods: is missing"),
        ("title: [", "it.yaml:1: not YAML"),
        ("- a", "it.yaml: must hold one mapping"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(folder: Path, text: str, said: str) -> None:
    assert said in refusal(folder, text)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"no variant 'nope' \(known: aks-engine, .*default"):
        variants.load("nope")


def test_mappings_merge_lists_replace_and_null_removes(folder: Path) -> None:
    (folder / "it.yaml").write_text(
        "extends: base\nservices: [10.9.0.0/16]\n"
        "node: {labels: {b: null, c: '3'}}\nper_node: {1: {labels: {a: x}}}"
    )
    variant = variants.load("it", folder=folder)
    assert variant.services == ("10.9.0.0/16",)
    assert variant.settings(0).labels == {"a": "1", "c": "3"}
    assert variant.settings(1).labels == {"a": "x", "c": "3"}


def test_templates_are_filled_and_other_braces_stay(folder: Path) -> None:
    (folder / "it.yaml").write_text(
        "extends: base\n"
        "node: {name: 'n-{index}', provider_id: 'x:///{name}', files: {/etc/a.json: '{\"k\": 1}'}}"
    )
    node = variants.load("it", folder=folder).settings(2)
    assert (node.name, node.provider_id) == ("n-2", "x:///n-2")
    assert node.files == {"/etc/a.json": '{"k": 1}'}


@pytest.mark.parametrize("name", variants.names())
def test_every_variant_of_ours_is_valid_and_its_addresses_are_unique(name: str) -> None:
    plan = Plan(variants.load(name))
    assert plan.variant.title
    addresses = [plan.address(machine, each) for machine in plan.machines for each in ("IPv4", "IPv6")]
    assert len(addresses) == len(set(addresses))
    assert len(set(_names(plan.variant))) == plan.variant.nodes


@pytest.mark.parametrize("name", faults.names())
def test_every_fault_of_ours_is_valid(name: str) -> None:
    assert faults.load(name).title


def test_a_fault_that_cannot_be_undone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("title: x\nsteps: [{on: node0, do: 'true'}]")
    with pytest.raises(LabError, match=r"x.yaml: steps.0: a step has either `do` and `undo`, or `nft`"):
        faults.load("x", tmp_path)


def test_addresses_of_the_default_variant() -> None:
    plan = Plan(variants.load("default"))
    assert plan.machines == ("fabric", "cp", "node0", "node1", "node2")
    assert plan.api_url == "https://172.30.0.2:6443"
    assert plan.nodes[2].addresses == {"IPv4": "172.30.0.12", "IPv6": "fd00:30::12"}
    assert {key: str(value) for key, value in plan.nodes[1].pods.items()} == {
        "IPv4": "10.244.1.0/24",
        "IPv6": "fd00:244:0:1::/64",
    }
    assert plan.service_address(10) == {"IPv4": "10.96.0.10", "IPv6": "fd00:96::a"}


def test_ipv6_first_turns_every_order() -> None:
    plan = Plan(variants.load("ipv6-first"))
    assert plan.api_url == "https://[fd00:30::2]:6443"
    assert next(iter(plan.service_address(10))) == "IPv6"
    assert object_of(plan, plan.nodes[0])["spec"]["podCIDR"] == "fd00:244::/64"


def test_aks_engine_names_and_provider_ids() -> None:
    variant = variants.load("aks-engine")
    assert _names(variant) == [
        "k8s-linuxpool1-12345678-0",
        "k8s-linuxpool1-12345678-1",
        "k8s-master-12345678-0",
    ]
    assert variant.settings(2).provider_id.endswith("/virtualMachines/k8s-master-12345678-0")
    assert "node-role.kubernetes.io/agent" not in variant.settings(2).labels
    assert Plan(variant).machine_of("k8s-master-12345678-0") == "node2"


def test_one_missing_podcidr_leaves_the_cni_files_whole() -> None:
    plan = Plan(variants.load("cidr-ipv4-only"))
    assert object_of(plan, plan.nodes[0])["spec"]["podCIDRs"] == ["10.244.0.0/24"]
    assert len(cni(plan, plan.nodes[0])["plugins"][0]["ipam"]["ranges"]) == 2


def test_cni_of_one_node_with_one_family() -> None:
    plan = Plan(variants.load("cni-ipv4-only"))
    ranges = [cni(plan, node)["plugins"][0]["ipam"]["ranges"] for node in plan.nodes]
    assert [len(each) for each in ranges] == [2, 2, 1]
    assert ranges[2] == [[{"subnet": "10.244.2.0/24"}]]


def test_number_of_nodes_can_be_given() -> None:
    assert _names(variants.load("default", nodes=5)) == ["node0", "node1", "node2", "node3", "node4"]
    with pytest.raises(LabError, match=r"default.yaml: nodes: "):
        variants.load("default", nodes=99)
