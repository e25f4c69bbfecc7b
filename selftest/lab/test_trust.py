"""What the suite cannot see it does not claim to have seen (docs/trust.md)."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from suite import PYTHON, ROOT, judge, lab

import lab as cluster

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", autouse=True)
def _default_lab():
    lab("up")


def kubectl(*words):
    words = [cluster.kubectl(), f"--kubeconfig={cluster.kubeconfig()}", *words]
    return subprocess.run(cluster.outside(words), capture_output=True, text=True, check=True).stdout


def reported(folder):
    return json.loads((folder / "latest/report.json").read_text())


def test_on_a_node_nobody_is_outside():
    run = [
        PYTHON,
        "-m",
        "pytest",
        f"--kubeconfig={cluster.kubeconfig()}",
        "--reports=/tmp/reports",  # its own
    ]
    done = subprocess.run(
        cluster.inside("node0", ["env", "-C", str(ROOT), "COLUMNS=200", *run]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6, done.stdout
    assert "Incomplete: lb-reachable could not be judged" in done.stdout
    assert "the runner is inside the cluster" in done.stdout


def test_tls_that_is_not_verified_is_said_and_ends_nothing(tmp_path):
    config = yaml.safe_load(Path(cluster.kubeconfig()).read_text())
    for each in config["clusters"]:
        each["cluster"].pop("certificate-authority-data")
        each["cluster"]["insecure-skip-tls-verify"] = True
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    judged = judge(tmp_path / "r", "--only=service-ipv6", kubeconfig=str(tmp_path / "kubeconfig"))
    assert judged.verdicts == {"service-ipv6": "conforms"}, judged.output
    assert "TLS is not verified" in judged.output


def test_an_image_that_cannot_be_pulled_judges_nothing_and_breaks_nothing(tmp_path):
    (tmp_path / "timeouts.yaml").write_text("pods: 12\n")
    options = ("--probe-image=127.0.0.1:1/none:1", f"--timeouts={tmp_path / 'timeouts.yaml'}")
    judged = judge(tmp_path / "r", *options)
    assert judged.status == 6, judged.output
    assert judged.broken() == set()
    assert judged.report["causes"] == []
    for id_ in ("tcp-pod-to-pod", "cluster-ip-tcp", "node-port", "endpoint-removal", "canary"):
        assert judged.verdicts[id_] == "not-judged"
    assert "127.0.0.1:1/none:1" in judged.causes("tcp-pod-to-pod")
    assert judged.report["left_behind"] == []


UNSAID = (
    "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "machineID",
    "osImage", "systemUUID",
)  # fmt: skip


def made_up(number, os="linux"):
    """A Ready node with addresses and ranges of its own and nothing behind it, and its status."""
    cidrs = [f"10.244.{number}.0/24", f"fd00:244:0:{number}::/64"]
    # The last by name: on the first node stand the only backends of the canary.
    metadata = {"name": f"z-made-up-{number}", "labels": {"kubernetes.io/os": os}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
    node["spec"] = {"podCIDR": cidrs[0], "podCIDRs": cidrs}
    addresses = (f"172.30.0.{70 + number}", f"fd00:30::{70 + number}")
    status = {
        "nodeInfo": {"operatingSystem": os, "kubeletVersion": "v1.36.3"} | dict.fromkeys(UNSAID, ""),
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": each} for each in addresses],
    }
    return node, {"status": status}


@pytest.fixture
def join(tmp_path):
    """A function that adds a made-up node and returns its name; those that are still there go at the end."""
    names = []

    def add(number, os="linux"):
        node, status = made_up(number, os)
        path = tmp_path / f"node-{number}.json"
        path.write_text(json.dumps(node))
        kubectl("create", "-f", str(path))
        name = node["metadata"]["name"]
        names.append(name)
        kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps(status))
        return name

    yield add
    for name in names:
        kubectl("delete", "node", name, "--ignore-not-found")


def test_a_node_that_is_left_out_is_a_finding_and_stands_in_the_sentence(join, tmp_path):
    name = join(9, "windows")
    behaviours = ("tcp-pod-to-pod", "pod-ips", "cluster-ip-tcp", "kube-proxy-mode")
    only = f"--only={','.join(behaviours)}"
    judged = judge(tmp_path / "r", only)
    profile = tmp_path / "linux.yaml"
    profile.write_text("name: linux\ntitle: t\nextends: kubernetes\npromises: {windows: false}\n")
    linux = judge(tmp_path / "l", f"--profile={profile}", only)
    for behaviour in behaviours:
        assert judged.verdicts[behaviour] == "not-judged"
        assert "it runs Windows" in judged.causes(behaviour)
    assert f"left out: {name}" in judged.report["sentence"]
    assert linux.verdicts["tcp-pod-to-pod"] == "conforms", linux.output
    assert f"left out: {name}" in linux.report["sentence"]


def test_nodes_that_leave_or_join_during_the_run_are_named_and_blamed_for_nothing(join, started, tmp_path):
    gone = join(8)
    run = started()
    kubectl("delete", "node", gone)
    come = join(7)
    run.wait(timeout=120)
    report = reported(tmp_path)
    assert report["verdict"] == "conformant", (tmp_path / "output").read_text()
    assert f"left during the run: {gone}" in report["sentence"]
    assert f"joined during the run and not judged: {come}" in report["sentence"]


def test_pairs_that_are_not_probed_are_a_finding_and_stand_in_the_sentence(tmp_path):
    judged = judge(tmp_path, "--peers=1", "--only=tcp-pod-to-pod")
    assert judged.verdicts == {"tcp-pod-to-pod": "conforms"}, judged.output
    assert "6 of 9 pairs of nodes were probed" in judged.report["sentence"]
    assert "not probed" in judged.causes("tcp-pod-to-pod")


def test_a_terminal_that_is_gone_ends_the_run_with_clean_up_and_a_report(started, tmp_path):
    run = started()
    run.send_signal(signal.SIGHUP)
    run.wait(timeout=30)
    assert "SIGHUP" in reported(tmp_path)["run"]["interrupted"]
    label = "app.kubernetes.io/managed-by=dualstack-conformance"
    assert kubectl("get", "namespaces", "-l", label, "-o", "name") == ""
