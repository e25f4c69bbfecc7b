"""While a run goes on, its servers say their name and the caller's address, and do nothing else.

Left aside: /debug/pprof of Go's own, which comes with agnhost's binary (docs/security.md).
"""

import json
import signal
import subprocess
import time
from itertools import product

import pytest
from suite import ROOT, command, lab

import lab as cluster

pytestmark = pytest.mark.lab
OURS = "app.kubernetes.io/managed-by=dualstack-conformance"
COMMAND = "echo%20$((40%2B2))%20bottles"
DONE = "42 bottles"  # what the command prints, and nobody else
PATHS = (
    f"/shell?cmd={COMMAND}", f"/shell?shellCommand={COMMAND}", "/upload", "/exit?code=3", "/shutdown",
    "/echo?msg=42%20bottles", "/redirect?location=/shell", "/uploads/", "/run/nat-closewait-server",
    "/dial?host=172.30.0.1&port=1&request=hostname&protocol=http", "/hostname", "/whoami",
)  # fmt: skip


def kubectl(*words):
    words = [cluster.kubectl(), f"--kubeconfig={cluster.kubeconfig()}", *words]
    return subprocess.run(cluster.outside(words), capture_output=True, text=True, check=True).stdout


def items(kind, namespace=None):
    where = ["-n", namespace] if namespace else ["-l", OURS]
    return json.loads(kubectl("get", kind, *where, "-o", "json"))["items"]


@pytest.fixture
def running(tmp_path):
    """(Namespace, pods, Services) of a run that is held up while everything of it is there."""
    lab("up")
    with (tmp_path / "output").open("w") as output:
        run = subprocess.Popen(command(tmp_path), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    namespace, pods = "", []
    end = time.monotonic() + 60
    while len([each for each in pods if each["status"]["phase"] == "Running"]) < 10:
        assert time.monotonic() < end, (tmp_path / "output").read_text()
        if found := items("namespaces"):
            namespace = found[0]["metadata"]["name"]
            pods = items("pods", namespace)
    run.send_signal(signal.SIGSTOP)
    time.sleep(2)  # servers listen, load balancers have their addresses
    yield namespace, items("pods", namespace), items("services", namespace)
    run.send_signal(signal.SIGCONT)
    assert run.wait(timeout=90) == 0, (tmp_path / "output").read_text()


def listening(namespace, pod):
    """TCP ports that are listened on inside a pod."""
    table = kubectl("exec", "-n", namespace, pod, "--", "cat", "/proc/net/tcp", "/proc/net/tcp6")
    rows = [line.split() for line in table.splitlines() if ":" in line]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == "0A"}


def ask(vantage, endpoint, path, *options):
    words = ["curl", "-sg", "--noproxy", "*", "--max-time", "5", *options, f"http://{endpoint}{path}"]
    return subprocess.run(vantage(words), capture_output=True, text=True, check=False).stdout


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def test_no_port_of_any_address_does_anything_for_a_stranger(running):
    namespace, pods, services = running
    servers = [pod for pod in pods if pod["metadata"]["name"].startswith(("server-", "removal-"))]
    names = {pod["metadata"]["name"] for pod in servers}
    assert len(servers) == 4

    def from_a_node(words):
        return cluster.inside("node0", words)

    targets = []
    for pod in servers:
        ports = listening(namespace, pod["metadata"]["name"])
        assert {8080, 8082} <= ports
        addresses = [each["ip"] for each in pod["status"]["podIPs"]]
        targets += [(from_a_node, endpoint(*each)) for each in product(addresses, ports)]
    nodes = [each["address"] for node in items_of_nodes() for each in node["status"]["addresses"]
             if each["type"] == "InternalIP"]  # fmt: skip
    opened = [
        each["spec"] | {"ingress": each["status"].get("loadBalancer", {}).get("ingress", [])}
        for each in services
        if each["spec"]["type"] not in ("ClusterIP", "ExternalName")
        # These refuse or drop on purpose, and lead to the same pods.
        and each["spec"].get("externalTrafficPolicy") != "Local"
        and "loadBalancerSourceRanges" not in each["spec"]
    ]
    assert {each["type"] for each in opened} == {"LoadBalancer", "NodePort"}
    assert sum(bool(each["ingress"]) for each in opened) >= 3
    for service in opened:
        for port in service["ports"]:
            for each in service["ingress"]:
                targets.append((cluster.outside, endpoint(each["ip"], port["port"])))
            targets += [(cluster.outside, endpoint(node, port["nodePort"])) for node in nodes]

    told = 0
    for vantage, where in targets:
        for path in PATHS:
            answer = ask(vantage, where, path)
            assert DONE not in answer, (where, path)
            told += bool(answer)
            assert not answer or answer in names or "404" in answer or is_an_address(answer), (where, answer)
        assert ask(vantage, where, "/upload", "-F", "file=@/etc/hostname") in {
            *names,
            "404 page not found\n",
            "",
        }
        asked = ask(vantage, where, f"/checknosnat?ips=172.30.0.1:1,{nodes[0]}:10250")
        assert asked in {*names, ""} or "127.0.0.1:1: connect: connection refused" in asked
    assert told > len(targets)

    after = {pod["metadata"]["name"]: pod for pod in items("pods", namespace)}
    for pod in servers:
        now = after[pod["metadata"]["name"]]
        assert now["status"]["containerStatuses"][0]["restartCount"] == 0
        assert ask(from_a_node, endpoint(now["status"]["podIP"], 8080), "/") in names


def items_of_nodes():
    return json.loads(kubectl("get", "nodes", "-o", "json"))["items"]


def is_an_address(answer):
    host, _, port = answer.rpartition(":")
    return port.isdigit() and host.strip("[]").replace(".", "").replace(":", "").isalnum()


def test_everything_ends_by_itself_when_nobody_is_left_to_remove_it(running):
    _, pods, _ = running
    for pod in pods:
        seconds = [
            each["value"]
            for each in pod["spec"]["containers"][0].get("env", [])
            if each["name"] == "SECONDS_TO_LIVE"
        ] or [pod["spec"].get("activeDeadlineSeconds")]
        assert 60 < int(seconds[0]) <= 3600, pod["metadata"]["name"]
