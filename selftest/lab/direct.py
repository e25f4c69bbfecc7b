"""Direct probes of the lab's cluster, apart from the suite: what really gets through, path by path.

Two DaemonSets of agnhost pods, servers (netexec) and clients: every client tries every server, a dual-stack
load balancer's ClusterIP and a Service with same-node backends only; `outside` tries node ports and the load
balancer. A path is named like `tcp IPv6 node0>node2`; a `Paths` maps it to whether an answer came.
"""

import json
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

import lab
from lab.addresses import Plan, bracketed

Paths = dict[str, bool]
T = TypeVar("T")
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"


def _command(*words: str) -> list[str]:
    return lab.outside([lab.kubectl(), "--kubeconfig", lab.kubeconfig(), "--namespace=direct", *words])


def _kubectl(*words: str, text: str | None = None) -> str:
    done = subprocess.run(_command(*words), input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done.stdout


def _daemon_set(name: str, arguments: list[str]) -> dict:
    labels = {"app": name}
    container = {"name": name, "image": IMAGE, "args": arguments}
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def service(name: str, **spec: str | list[str]) -> dict:
    """A dual-stack Service of the server pods."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    common = {"ipFamilyPolicy": "PreferDualStack", "selector": {"app": "server"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": common | spec}


class Probes:
    """The probe pods of one cluster."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._machines = {node.name: node.machine for node in plan.nodes}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "direct"}})
        self.create(_daemon_set("server", ["netexec", "--http-port=8080", "--udp-port=8081"]))
        self.create(_daemon_set("client", ["pause"]))
        self.create(service("balanced", type="LoadBalancer"))
        self.create(service("local", internalTrafficPolicy="Local"))
        for name in ("server", "client"):
            _kubectl("rollout", "status", f"daemonset/{name}", "--timeout=60s")
        self._servers, self._clients = self._pods("server"), self._pods("client")
        self._services = {name: self._service(name) for name in ("local", "balanced")}

    def create(self, manifest: dict) -> None:
        """Create or update an object."""
        _kubectl("apply", "-f", "-", text=json.dumps(manifest))

    def families(self, manifest: dict) -> list[str]:
        """Create a Service; the families that it gets."""
        self.create(manifest)
        return self._service(manifest["metadata"]["name"])["spec"]["ipFamilies"]

    def _pods(self, name: str) -> dict[str, dict]:
        found = json.loads(_kubectl("get", "pods", f"--selector=app={name}", "-o", "json"))["items"]
        return {self._machines[pod["spec"]["nodeName"]]: pod for pod in found}

    def _service(self, name: str) -> dict:
        end = time.monotonic() + 20
        while True:
            found = json.loads(_kubectl("get", "service", name, "-o", "json"))
            wanted = found["spec"]["type"] == "LoadBalancer"
            if not wanted or found["status"]["loadBalancer"] or time.monotonic() > end:
                return found
            time.sleep(0.2)

    def close(self) -> None:
        """Remove the pods."""
        _kubectl("delete", "namespace", "direct", "--wait=false")

    def settled(self, seconds: float = 20) -> Paths:
        """All paths, tried until they all work or the time is over (rules of Services come late)."""
        return _until(self.paths, lambda paths: all(paths.values()), seconds)

    def broken(self) -> set[str]:
        """Names of the paths on which no answer came."""
        return {name for name, works in self.paths().items() if not works}

    def paths(self) -> Paths:
        """Try everything once."""
        running = []
        for machine in self._servers:
            client = self._clients[machine]["metadata"]["name"]
            running.append(_start(_command("exec", "-i", client, "--", "sh"), self._tried_by(machine)))
            server = self._servers[machine]["metadata"]["name"]
            running.append(_start(_command("exec", "-i", server, "--", "sh"), self._hairpins(machine)))
        running.append(_start(lab.outside(["sh"]), self._tried_outside()))
        return _answers(running)

    def service_from(self, name: str, enough: Callable[[Paths], bool], seconds: float = 20) -> Paths:
        """Try a Service from every node until it is `enough`: `IPv6 node0` and whether it answered."""
        addresses = self._service(name)["spec"]["clusterIPs"]

        def tried() -> Paths:
            running = [
                _start(
                    _command("exec", "-i", pod["metadata"]["name"], "--", "sh"),
                    {f"{_family(each)} {machine}": _curl(each, 80) for each in addresses},
                )
                for machine, pod in self._clients.items()
            ]
            return _answers(running)

        return _until(tried, enough, seconds)

    def ready_nodes(self, enough: Callable[[set[str]], bool], seconds: float) -> set[str]:
        """Machines whose nodes are Ready, asked until it is `enough`."""

        def ready() -> set[str]:
            command = [lab.kubectl(), "--kubeconfig", lab.kubeconfig(), "get", "nodes", "-o", "json"]
            done = subprocess.run(lab.outside(command), capture_output=True, text=True)
            return {
                self._machines[node["metadata"]["name"]]
                for node in (json.loads(done.stdout)["items"] if done.returncode == 0 else [])
                for condition in node["status"]["conditions"]
                if (condition["type"], condition["status"]) == ("Ready", "True")
            }

        return _until(ready, enough, seconds)

    def _tried_by(self, machine: str) -> dict[str, str]:
        tries = {}
        own = _addresses(self._clients[machine])
        for target, pod in self._servers.items():
            for family, address in _addresses(pod).items():
                path = f"{family} {machine}>{target}"
                tries[f"tcp {path}"] = _curl(address, 8080)
                tries[f"large {path}"] = _curl(address, 8080, "echo?msg=" + "x" * 4000)
                tries[f"source {path}"] = (
                    f"{_curl(address, 8080, 'clientip', '-')} | grep -Fq '{own.get(family)}'"
                )
                tries[f"udp {path}"] = _udp(address, "hostname")
                tries[f"fragments {path}"] = _udp(address, "echo " + "x" * 2000)
                tries[f"ping {path}"] = f"ping -c 1 -W 1 {address} >/dev/null 2>&1"
        for name, each in self._services.items():
            tries |= {f"{name} {_family(ip)} {machine}": _curl(ip, 80) for ip in each["spec"]["clusterIPs"]}
        return tries

    def _hairpins(self, machine: str) -> dict[str, str]:
        addresses = self._services["local"]["spec"]["clusterIPs"]
        return {f"hairpin {_family(address)} {machine}": _curl(address, 80) for address in addresses}

    def _tried_outside(self) -> dict[str, str]:
        balanced = self._services["balanced"]
        port = balanced["spec"]["ports"][0]["nodePort"]
        tries = {
            f"nodeport {family} {node.machine}": _curl(address, port)
            for node in self.plan.nodes
            for family, address in node.addresses.items()
        }
        for ingress in balanced["status"]["loadBalancer"].get("ingress", []):
            tries[f"lb {_family(ingress['ip'])}"] = _curl(ingress["ip"], 80)
        return tries


def _start(command: list[str], tries: dict[str, str]) -> subprocess.Popen:
    script = "".join(
        f'( {each} && echo "{name} ok" || echo "{name} lost" ) &\n' for name, each in tries.items()
    )
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(f"{script}wait\n")
    process.stdin.flush()
    return process


def _answers(running: list[subprocess.Popen]) -> Paths:
    lines = [line for process in running for line in process.communicate(timeout=60)[0].splitlines()]
    return {name: verdict == "ok" for name, _, verdict in sorted(line.rpartition(" ") for line in lines)}


def _until(ask: Callable[[], T], enough: Callable[[T], bool], seconds: float) -> T:
    end = time.monotonic() + seconds
    while True:
        found = ask()
        if enough(found) or time.monotonic() > end:
            return found
        time.sleep(0.2)


def _addresses(pod: dict) -> dict[str, str]:
    return {_family(each["ip"]): each["ip"] for each in pod["status"]["podIPs"]}


def _curl(address: str, port: int, path: str = "hostname", to: str = "/dev/null") -> str:
    return f"curl -sS -o {to} --max-time 2 'http://{bracketed(address)}:{port}/{path}' 2>/dev/null"


def _udp(address: str, text: str) -> str:
    return f"echo {text} | nc -u -w 1 {address} 8081 | grep -q ."


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"
