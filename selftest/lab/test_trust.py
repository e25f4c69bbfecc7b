"""What the suite cannot see it does not claim to have seen (docs/trust.md)."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from suite import PYTHON, ROOT, command, judge, lab

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
        "--reports=/tmp/reports",
    ]  # its own
    done = subprocess.run(
        cluster.inside("node0", ["env", "-C", str(ROOT), *run]), capture_output=True, text=True, check=False
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
    judged = judge(tmp_path / "r", kubeconfig=str(tmp_path / "kubeconfig"))
    assert judged.status == 0, judged.output
    assert "TLS is not verified" in judged.output


UNSAID = (
    "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "machineID",
    "osImage", "systemUUID",
)  # fmt: skip
CIDRS = ["10.244.9.0/24", "fd00:244:0:9::/64"]
WINDOWS_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "win0", "labels": {"kubernetes.io/os": "windows"}},
    "spec": {"podCIDR": CIDRS[0], "podCIDRs": CIDRS},
}
WINDOWS_STATUS = {
    "status": {
        "nodeInfo": {"operatingSystem": "windows", "kubeletVersion": "v1.36.3"} | dict.fromkeys(UNSAID, ""),
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [
            {"type": "InternalIP", "address": address} for address in ("172.30.0.77", "fd00:30::77")
        ],
    }
}


def test_a_node_that_is_left_out_is_a_finding_and_stands_in_the_sentence(tmp_path):
    path = tmp_path / "node.json"
    path.write_text(json.dumps(WINDOWS_NODE))
    kubectl("create", "-f", str(path))
    try:
        kubectl(
            "patch", "node", "win0", "--subresource=status", "--type=merge", "-p", json.dumps(WINDOWS_STATUS)
        )
        judged = judge(tmp_path / "r")
        profile = tmp_path / "linux.yaml"
        profile.write_text("name: linux\ntitle: t\nextends: kubernetes\npromises: {windows: false}\n")
        linux = judge(tmp_path / "l", f"--profile={profile}")
    finally:
        kubectl("delete", "node", "win0")
    for behaviour in ("tcp-pod-to-pod", "pod-ips", "cluster-ip-tcp", "kube-proxy-mode"):
        assert judged.verdicts[behaviour] == "not-judged"
        assert "it runs Windows" in judged.causes(behaviour)
    assert "left out: win0" in judged.report["sentence"]
    assert linux.verdicts["tcp-pod-to-pod"] == "conforms", linux.output
    assert "left out: win0" in linux.report["sentence"]


def test_pairs_that_are_not_probed_are_a_finding_and_stand_in_the_sentence(tmp_path):
    judged = judge(tmp_path, "--peers=1")
    assert judged.status == 0, judged.output
    assert "6 of 9 pairs of nodes were probed" in judged.report["sentence"]
    assert "not probed" in judged.causes("tcp-pod-to-pod")


def test_a_terminal_that_is_gone_ends_the_run_with_clean_up_and_a_report(tmp_path):
    with (tmp_path / "output").open("w") as output:
        run = subprocess.Popen(command(tmp_path), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    label = "app.kubernetes.io/managed-by=dualstack-conformance"
    end = time.monotonic() + 30
    while not kubectl("get", "namespaces", "-l", label, "-o", "name"):
        assert time.monotonic() < end
    time.sleep(1)
    run.send_signal(signal.SIGHUP)
    run.wait(timeout=30)
    assert "SIGHUP" in reported(tmp_path)["run"]["interrupted"]
    assert kubectl("get", "namespaces", "-l", label, "-o", "name") == ""
