"""The lab itself: up, status, exec, outside, down; it leaves nothing on the host, whatever happens to it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import lab
from lab import cgroups
from lab.addresses import Plan
from lab.paths import STATE

pytestmark = pytest.mark.lab
UP = [sys.executable, "-m", "lab", "up"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "lab", *words], capture_output=True, text=True)


@dataclass(frozen=True)
class Host:
    """What the lab could leave behind."""

    processes: frozenset[str]
    network_namespaces: frozenset[str]
    mounts: tuple[str, ...]
    groups: frozenset[str]
    links: frozenset[str]
    sysctls: str
    state: bool

    @classmethod
    def now(cls) -> "Host":
        words = ("/run/lab/", "/dslab", str(STATE), "containerd-shim")
        commands = set()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if any(word in command for word in words):
                commands.add(command)
        mounts = [line.split(" ", 4)[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        groups = {str(path) for each in cgroups.hierarchies() for path in each.glob("*")}
        sysctls = "".join(path.read_text() for path in sorted(Path("/proc/sys/fs/inotify").iterdir()))
        namespaces = {str(path) for path in Path("/run/netns").glob("*")} | {str(Path("/run/netns").exists())}
        links = {path.name for path in Path("/sys/class/net").iterdir()}
        return cls(
            frozenset(commands),
            frozenset(namespaces),
            tuple(sorted(mounts)),
            frozenset(group for group in groups if "dslab" in group),
            frozenset(links),
            sysctls,
            STATE.exists(),
        )


@pytest.fixture(scope="module", autouse=True)
def host() -> Iterator[Host]:
    """The host as it is without the lab; the lab is down before and after these tests."""
    lab.down()
    before = Host.now()
    yield before
    lab.down()
    assert Host.now() == before


@pytest.fixture(scope="module")
def plan(host: Host) -> Plan:
    return lab.up()


def test_up_is_ready_and_says_so(plan: Plan) -> None:
    done = run("status")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Ready") == len(plan.nodes) == 3
    assert "not Ready" not in done.stdout


def test_up_again_is_a_matter_of_a_second(plan: Plan) -> None:
    began = time.monotonic()
    done = run("up")
    assert done.stdout == "already up: default, 3 nodes\n"
    assert time.monotonic() - began < 1


def test_memory_stays_within_bounds(plan: Plan) -> None:
    line = next(line for line in run("status").stdout.splitlines() if "memory" in line)
    assert 300 < int(line.split()[1]) < 1536, line


def test_exec_is_inside_the_node_and_passes_the_status_through(plan: Plan) -> None:
    done = run("exec", "node1", "--", "sh", "-c", "hostname; ip -6 -o address show eth0; exit 7")
    assert done.returncode == 7
    assert done.stdout.startswith("node1\n")
    assert plan.nodes[1].addresses["IPv6"] in done.stdout


def test_outside_has_its_own_network_and_resolver_and_passes_the_status_through(plan: Plan) -> None:
    script = "cat /etc/resolv.conf; kubectl get --raw /readyz; exit 3"
    done = run("outside", "--", "sh", "-c", script)
    assert done.returncode == 3
    assert done.stdout == "nameserver 127.0.0.1\nok"
    assert Path("/etc/resolv.conf").read_text() != "nameserver 127.0.0.1\n"


def test_outside_becomes_the_program_so_that_signals_reach_it(plan: Plan) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "lab",
            "outside",
            "--",
            "sh",
            "-c",
            "trap 'exit 42' TERM; echo on; sleep 30 & wait",
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 42
    process.stdout.close()


def test_the_api_server_is_out_of_the_hosts_reach(plan: Plan) -> None:
    routes = subprocess.run(["ip", "route", "show", "table", "all"], capture_output=True, text=True).stdout
    assert "172.30.0." not in routes


def test_nobody_gets_in_without_a_certificate(plan: Plan) -> None:
    kubelet = f"https://{plan.nodes[0].addresses['IPv4']}:10250/pods"
    curl = ["curl", "--insecure", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    for url, expected in ((kubelet, "401"), (f"{plan.api_url}/api/v1/nodes", "403")):
        done = subprocess.run(lab.outside([*curl, url]), capture_output=True, text=True)
        assert done.stdout == expected, url


def test_a_kubelet_may_not_touch_another_node(plan: Plan) -> None:
    command = "kubectl --kubeconfig /run/lab/machine/pki/kubelet.kubeconfig label node node1 stolen=yes"
    done = run("exec", "node0", "--", "sh", "-c", command)
    assert done.returncode == 1
    assert "only its own Node object" in done.stderr


def test_names_resolve_over_both_families(plan: Plan) -> None:
    for server in plan.service_address(10).values():
        for kind in ("A", "AAAA"):
            dig = f"dig +short +tries=5 +timeout=1 @{server} {kind} kube-dns.kube-system.svc.cluster.local"
            found = run("exec", "node0", "--", "sh", "-c", dig).stdout.strip()
            assert found in plan.service_address(10).values()


def test_logs_and_kubeconfig(plan: Plan) -> None:
    assert "kubelet" in run("logs", "kubelet", "node1").stdout
    assert "==> node2 <==" in run("logs", "kube-proxy").stdout
    path = run("kubeconfig").stdout.strip()
    assert path == lab.kubeconfig()
    assert Path(path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["exec", "node9", "--", "true"], "no machine 'node9' (there are: fabric, cp, node0, node1, node2)"),
        (["logs", "kubelt"], "no log of 'kubelt' (there are: containerd, etcd, "),
        (["fault", "earthquake"], "no fault 'earthquake' (known: "),
        (["mend", "one-way"], "fault 'one-way' is not in place (in place: none)"),
        (["up", "--variant", "nope"], "no variant 'nope' (known: "),
    ],
)
def test_a_mistake_is_one_line(plan: Plan, words: list[str], said: str) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_nodes_power_cut_is_noticed(plan: Plan) -> None:
    init = cgroups.init_of("node2")
    assert init
    os.kill(init, signal.SIGKILL)
    done = run("status")
    assert done.returncode == 1
    assert lab.up() == plan  # what is not whole is built anew
    assert run("status").returncode == 0


def test_another_variant_takes_the_place_of_this_one(plan: Plan) -> None:
    done = run("up", "--variant", "one-node")
    assert done.returncode == 0, done.stderr
    assert "taking down default (3 nodes)" in done.stdout
    assert json.loads((STATE / "cluster.json").read_text())["name"] == "one-node"
    assert run("status").stdout.count("Ready") == 1


def test_down_leaves_nothing_within_three_seconds(host: Host) -> None:
    lab.up("default")
    began = time.monotonic()
    assert run("down").returncode == 0
    assert time.monotonic() - began < 3
    assert Host.now() == host


def test_down_copes_with_a_state_that_is_half_gone(host: Host) -> None:
    lab.up("one-node")
    for path in (STATE / "cluster.json", STATE / "admin.kubeconfig", STATE / "machines/cp/init.sh"):
        path.unlink()
    assert run("down").returncode == 0
    assert Host.now() == host


def test_down_when_nothing_is_up(host: Host) -> None:
    assert run("down").stdout == "nothing was up\n"
    assert run("status").stdout == "down\n"
    assert run("outside", "--", "true").stderr == "lab: no lab cluster is up: run `python -m lab up`\n"


@pytest.mark.parametrize("moment", [0.1, 0.3, 0.5, 0.8, 1.5, 3.0, 5.0, random.uniform(0.1, 7)])
def test_up_killed_at_any_moment_leaves_what_down_removes(host: Host, moment: float) -> None:
    process = subprocess.Popen(UP, stdout=subprocess.DEVNULL)
    time.sleep(moment)
    process.kill()
    process.wait()
    assert run("down").returncode == 0
    assert Host.now() == host, f"killed after {moment} s"


def test_down_ends_an_up_that_is_still_at_work(host: Host) -> None:
    process = subprocess.Popen(UP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    assert run("down").returncode == 0
    assert process.wait(5) == -signal.SIGKILL
    assert Host.now() == host
