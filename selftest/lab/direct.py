"""Direct probes of the lab's cluster, apart from the suite: what really gets through, path by path.

A DaemonSet of agnhost pods (one a node, netexec on TCP and UDP) and a dual-stack load balancer Service; every pod
tries every pod, the Service and its own node, and `outside` tries node ports and the load balancer. A path is
named like `tcp IPv6 node0>node2`; a `Paths` maps it to whether an answer came.
"""

import json
import subprocess
import time

import lab
from lab.addresses import Plan, bracketed

Paths = dict[str, bool]
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
FAMILIES = ("IPv4", "IPv6")
LABELS = {"app": "direct"}


def _command(*words: str) -> list[str]:
    return lab.outside([lab.kubectl(), "--kubeconfig", lab.kubeconfig(), "--namespace=direct", *words])


def _kubectl(*words: str, text: str | None = None) -> str:
    done = subprocess.run(_command(*words), input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done.stdout


def _objects() -> list[dict]:
    container = {
        "name": "netexec",
        "image": IMAGE,
        "args": ["netexec", "--http-port=8080", "--udp-port=8081"],
    }
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
    }
    template = {"metadata": {"labels": LABELS}, "spec": spec}
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    service = {
        "type": "LoadBalancer",
        "ipFamilyPolicy": "PreferDualStack",
        "selector": LABELS,
        "ports": ports,
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "direct"}},
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "netexec"},
            "spec": {"selector": {"matchLabels": LABELS}, "template": template},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "netexec"}, "spec": service},
    ]


class Probes:
    """The probe pods of one cluster."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        for each in _objects():
            _kubectl("apply", "-f", "-", text=json.dumps(each))
        _kubectl("rollout", "status", "daemonset/netexec", "--timeout=60s")
        machines = {node.name: node.machine for node in plan.nodes}
        pods = json.loads(_kubectl("get", "pods", "-o", "json"))["items"]
        self.pods = {machines[pod["spec"]["nodeName"]]: pod["metadata"]["name"] for pod in pods}
        self.addresses = {
            machines[pod["spec"]["nodeName"]]: {
                ("IPv6" if ":" in each["ip"] else "IPv4"): each["ip"] for each in pod["status"]["podIPs"]
            }
            for pod in pods
        }
        self.service: dict = {}
        end = time.monotonic() + 20
        while not self.service.get("status", {}).get("loadBalancer") and time.monotonic() < end:
            self.service = json.loads(_kubectl("get", "service", "netexec", "-o", "json"))
            time.sleep(0.2)

    def close(self) -> None:
        """Remove the pods."""
        _kubectl("delete", "namespace", "direct", "--wait=false")

    def settled(self, seconds: float = 20) -> Paths:
        """All paths, tried until they all work or the time is over (rules of Services come late)."""
        end = time.monotonic() + seconds
        while True:
            paths = self.paths()
            if all(paths.values()) or time.monotonic() > end:
                return paths

    def paths(self) -> Paths:
        """Try everything once."""
        running = [
            self._start(_command("exec", "-i", pod, "--", "sh"), self._tried_by(machine))
            for machine, pod in self.pods.items()
        ]
        running.append(self._start(lab.outside(["sh"]), self._tried_outside()))
        found: Paths = {}
        for process in running:
            for line in process.communicate(timeout=60)[0].splitlines():
                name, _, verdict = line.rpartition(" ")
                found[name] = verdict == "ok"
        return dict(sorted(found.items()))

    def broken(self) -> set[str]:
        """Names of the paths on which no answer came."""
        return {name for name, works in self.paths().items() if not works}

    def _start(self, command: list[str], tries: dict[str, str]) -> subprocess.Popen:
        script = "".join(
            f'( {each} && echo "{name} ok" || echo "{name} lost" ) &\n' for name, each in tries.items()
        )
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin
        process.stdin.write(f"{script}wait\n")
        return process

    def _tried_by(self, machine: str) -> dict[str, str]:
        tries = {}
        for target, addresses in self.addresses.items():
            for family, address in addresses.items():
                path = f"{family} {machine}>{target}"
                tries[f"tcp {path}"] = _curl(address, 8080)
                tries[f"udp {path}"] = f"echo hostname | nc -u -w 1 {address} 8081 | grep -q ."
                tries[f"ping {path}"] = f"ping -c 1 -W 1 {address} >/dev/null 2>&1"
                tries[f"large {path}"] = _curl(address, 8080, "echo?msg=" + "x" * 4000)
        for address in self.service["spec"]["clusterIPs"]:
            tries[f"service {_family(address)} {machine}"] = _curl(address, 80)
        return tries

    def _tried_outside(self) -> dict[str, str]:
        port = self.service["spec"]["ports"][0]["nodePort"]
        tries = {
            f"nodeport {family} {node.machine}": _curl(node.addresses[family], port)
            for node in self.plan.nodes
            for family in FAMILIES
        }
        for ingress in self.service["status"]["loadBalancer"].get("ingress", []):
            tries[f"lb {_family(ingress['ip'])}"] = _curl(ingress["ip"], 80)
        return tries


def _curl(address: str, port: int, path: str = "hostname") -> str:
    return f"curl -sS -o /dev/null --max-time 2 'http://{bracketed(address)}:{port}/{path}' 2>/dev/null"


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"
