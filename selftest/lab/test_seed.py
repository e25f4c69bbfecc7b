"""Kubernetes 1.19 as AKS Engine deployed it: nodes as their cloud left them, and what mark-drop breaks."""

import json
import subprocess

import pytest
from suite import PYTHON, ROOT, judge, lab

pytestmark = pytest.mark.lab
SERVICE = """\
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "seed"}, "spec": {"type": "LoadBalancer",
 "ipFamily": "IPv6", "selector": {"app": "seed"}, "ports": [{"port": 80, "targetPort": 8080}]}}
"""
POD = """\
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "seed", "labels": {"app": "seed"}}, "spec": {
 "terminationGracePeriodSeconds": 0, "containers": [{"name": "server", "args": ["netexec"],
 "image": "registry.k8s.io/e2e-test-images/agnhost:2.63.0"}]}}
"""


def outside(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command outside the cluster."""
    command = [PYTHON, "-m", "lab", "outside", "--", *words]
    return subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=False)


def kubectl(*words: str, text: str | None = None) -> str:
    done = outside("kubectl", *words, text=text)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("variant", ["seed-iptables"])
def test_nodes_are_as_the_cloud_left_them(variant):
    lab("up", "--variant", variant)
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    assert len(nodes) == 3
    for node in nodes:
        addresses = [each for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
        assert [":" in each["address"] for each in addresses] == [False, True]
        assert node["spec"]["providerID"].endswith(f"/virtualMachines/{node['metadata']['name']}")
        assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.19.16"
        assert len(node["spec"]["podCIDRs"]) == 2


@pytest.mark.parametrize("variant", ["seed-iptables"])
def test_a_profile_that_claims_what_this_version_cannot_have_is_one_line(variant, tmp_path):
    lab("up", "--variant", variant)
    profile = tmp_path / "later.yaml"
    profile.write_text("name: later\ntitle: t\nextends: aks-engine\npromises: {proxy-modes: [nftables]}\n")
    judged = judge(tmp_path / "reports", f"--profile={profile}")
    assert judged.status == 4, judged.output
    errors = [line for line in judged.output.splitlines() if line.startswith("ERROR: ")]
    assert errors == [
        f"ERROR: --profile {profile}: promises.proxy-modes: dual stack has nftables from Kubernetes 1.29 on, "
        "and this server is 1.19: name ipvs or iptables as well"
    ]
    assert "objects asked for" not in judged.output
    assert "dualstack-" not in kubectl("get", "namespaces", "-o", "name")


@pytest.mark.parametrize(("variant", "answers"), [("seed-iptables", True), ("mark-drop", False)])
def test_an_ipv6_load_balancer_answers_unless_the_chain_is_missing(variant, answers):
    lab("up", "--variant", variant)
    for manifest in (POD, SERVICE):
        kubectl("create", "--validate=false", "-f", "-", text=manifest)
    try:
        kubectl("wait", "--for=condition=Ready", "pod/seed", "--timeout=30s")
        path = "{.status.loadBalancer.ingress[0].ip}"
        address = ""
        for _ in range(50):
            address = address or kubectl("get", "service", "seed", "-o", f"jsonpath={path}")
        assert ":" in address
        curl = ["curl", "--silent", "--max-time", "2", "--retry", "2", "--retry-connrefused"]
        done = outside(*curl, f"http://[{address}]/hostname")
        assert (done.stdout == "seed") == answers, done
    finally:
        for each in ("pod/seed", "service/seed"):
            kubectl("delete", each, "--wait=false")
