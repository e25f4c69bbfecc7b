"""What is up: the variant, the machines and their services, the nodes as the API server sees them, memory."""

from pathlib import Path

from lab import addons, cgroups, cluster, faults
from lab.api import Api, ApiError
from lab.controlplane import ADMIN_KUBECONFIG
from lab.machine import Machine


def show() -> int:
    """Print it; exit status 0 if everything runs, 1 otherwise."""
    found = cluster.running()
    if found is None:
        left = len(cgroups.processes())
        print(f"down, but {left} processes are left: run `python -m lab down`" if left else "down")
        return 1
    name, plan = found
    print(f"up: {name} ({plan.variant.title}), API server {plan.api_url}")
    healthy = True
    ready, late = _seen_by(Api(plan))
    for machine in (Machine(each) for each in plan.machines):
        stopped = [service for service in machine.services if not machine.runs(service)]
        words = [f"stopped: {', '.join(stopped)}"] if stopped else []
        node = next((each for each in plan.nodes if each.machine == machine.name), None)
        if node:
            words.append("Ready" if node.name in ready else "not Ready")
            healthy &= node.name in ready
        healthy &= not stopped
        addresses = " ".join(plan.address(machine.name, each) for each in ("IPv4", "IPv6"))
        label = f"{machine.name} = {node.name}" if node and node.name != machine.name else machine.name
        print(f"  {label:32} {addresses:26} {', '.join(words)}")
    for line in late:
        healthy = False
        print(f"  late: {line}")
    for fault in faults.active():
        print(f"  fault: {fault}")
    print(f"  memory {_memory() / 2**20:.0f} MiB, kubeconfig {ADMIN_KUBECONFIG}")
    return 0 if healthy else 1


def _seen_by(api: Api) -> tuple[set[str], list[str]]:
    try:
        return cluster.ready_nodes(api), addons.unready(api)
    except ApiError as error:
        return set(), [str(error)]


def _memory() -> int:
    """Resident memory of all processes of the lab, shared pages counted once per sharer's share, in bytes."""
    total = 0
    for pid in cgroups.processes():
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
