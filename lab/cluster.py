"""Bringing a cluster up: everything at once that can be, then waiting for what others need, 50 ms at a time.

STATE/cluster.json says which cluster is there, and at the end that it is complete; what is not, is a leftover
that the next `up` removes first.
"""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from lab import (
    addons,
    artifacts,
    cgroups,
    controlplane,
    host,
    imagestore,
    namespaces,
    network,
    node,
    own_kernel,
    preflight,
    teardown,
)
from lab.addresses import CONTROL_PLANE, FABRIC, NodePlan, Plan
from lab.agents import NAMESPACE, Agent
from lab.api import Api, ApiError, wait
from lab.artifacts import Artifacts
from lab.data import fill
from lab.errors import LabError
from lab.files import write, write_json
from lab.machine import Machine
from lab.paths import STATE
from lab.pki import Authority
from lab.releases import KUBE_PROXY
from lab.variants import Variant, load

Say = Callable[[str], None]
T = TypeVar("T")
_PATIENCE = 120  # seconds for what takes 10 at most on ordinary nodes, and 60 on those with their own kernel
_SERVICES_SECONDS = 10.0
_RECORD = STATE / "cluster.json"
RESOLV_CONF = STATE / "outside.resolv.conf"  # bound over /etc/resolv.conf by `outside`


def recorded() -> tuple[str, Plan, bool] | None:
    """Name and plan of the cluster that `up` last began, and whether it finished; None after `down`."""
    try:
        record = json.loads(_RECORD.read_text())
        return str(record["name"]), Plan(Variant.model_validate(record["variant"])), bool(record["finished"])
    except (OSError, ValueError, KeyError):
        return None


def running() -> tuple[str, Plan] | None:
    """Name and plan of the cluster that is up, or None."""
    record = recorded()
    if record and record[2] and all(Machine(each).is_on for each in record[1].machines):
        return record[0], record[1]
    return None


def current() -> Plan:
    """The plan of the cluster that is there, even if `up` did not finish. Raises LabError."""
    record = recorded()
    if record is None:
        raise LabError("no lab cluster is up: run `python -m lab up`")
    return record[1]


def up(name: str = "default", nodes: int | None = None, say: Say = print) -> Plan:
    """Bring a cluster up, unless the same one is up already; a different one is taken down first."""
    begin = time.monotonic()
    variant = load(name, nodes)
    preflight.check(variant)
    _make_room(variant, say)
    built = artifacts.ensure(variant.kubernetes, say, with_uml=variant.own_kernels, extras=variant.extras)

    def step(text: str) -> None:
        say(f"{time.monotonic() - begin:6.1f} s  {text}")

    begin = time.monotonic()
    with host.exclusive():
        found = running()
        if found and found[1].variant == variant:
            say(f"already up: {name}, {variant.nodes} nodes")
            return found[1]
        teardown.remove()
        for line in host.raise_sysctls():
            step(line)
        plan = Plan(variant)
        record = {"name": name, "variant": variant.model_dump(mode="json"), "finished": False}
        write_json(_RECORD, record)
        _build(plan, built, step)
        write_json(_RECORD, record | {"finished": True})
        step(f"up: {name}, {variant.nodes} nodes, Kubernetes {built.version}")
    return plan


def _make_room(variant: Variant, say: Say) -> None:
    """Take another cluster down before anything is built: it would use most of a core meanwhile."""
    with host.exclusive():
        found = running()
        if found and found[1].variant != variant:
            say(f"taking down {found[0]} ({found[1].variant.nodes} nodes)")
            teardown.remove()


def _build(plan: Plan, built: Artifacts, step: Say) -> None:
    with ThreadPoolExecutor(max_workers=16) as pool:
        manifests = pool.submit(addons.objects, plan, built)
        _prepare(plan, built)
        network.build(plan)
        step("network and certificates")
        machines = [Machine(each) for each in plan.machines]
        _each(pool, Machine.power_on, [Machine(CONTROL_PLANE)])
        for service in ("etcd", "kube-apiserver"):
            Machine(CONTROL_PLANE).service("start", service)
        _each(pool, Machine.power_on, [each for each in machines if each.name != CONTROL_PLANE])
        containerd = [pool.submit(_start_containerd, Machine(each.machine)) for each in plan.nodes]
        api = Api(plan)
        _wait_for_api(api)
        step("API server ready")
        _each(pool, lambda each: api.create_soon(each, 20), addons.roles(plan))
        addons.define(built)
        _each(pool, lambda each: _register(api, plan, each), plan.nodes)
        for service in ("kube-controller-manager", "kube-scheduler"):
            Machine(CONTROL_PLANE).service("start", service)
        nodes = [
            pool.submit(_start_node, api, each, done)
            for each, done in zip(plan.nodes, containerd, strict=True)
        ]
        wanted = manifests.result()
        for start in nodes:
            start.result()
        _wait_for_nodes(api, plan)
        step(f"{len(plan.nodes)} nodes Ready")
        for each in plan.nodes:
            _assert_labels(api, each)
        if plan.variant.extras:
            _each(pool, lambda each: _wait_for_agents(plan, each), plan.nodes)
            step("network agents ready")
        _each(pool, lambda each: _wait_for_services(plan, each), plan.nodes)
        _each(pool, lambda each: api.create_soon(each, 20), wanted)
        if len(wanted) > 1:
            _wait_for_addons(api)
            step("DNS and load balancer ready")
        _check_services(machines)


def _each(pool: ThreadPoolExecutor, action: Callable[..., T], items: Iterable[object]) -> list[T]:
    return [future.result() for future in [pool.submit(action, each) for each in items]]


def _prepare(plan: Plan, built: Artifacts) -> None:
    """Everything on disk, the control groups and the namespaces."""
    images = imagestore.ensure(built)
    authority = Authority("dualstack-lab-ca")
    resolver = plan.address(FABRIC, "IPv4")  # nobody answers there: look-ups of foreign names fail at once
    names = {each.machine: each.name for each in plan.nodes}
    for machine in plan.machines:
        Machine(machine).prepare(built, names.get(machine, machine), resolver)
        cgroups.create(machine)
        namespaces.create(machine)
    controlplane.prepare(plan, authority)
    for each in plan.nodes:
        node.prepare(plan, each, authority, built)
        if each.settings.own_kernel:
            disk = own_kernel.disk(images, built)
            wires = network.of_machine(plan, each.machine)
            own_kernel.prepare(Machine(each.machine), built, disk, wires)
        else:
            imagestore.give(images, Machine(each.machine))
    write(RESOLV_CONF, "nameserver 127.0.0.1\n")


def _wait_for_api(api: Api) -> None:
    machine = Machine(CONTROL_PLANE)

    def ready() -> bool:
        for service in ("etcd", "kube-apiserver"):
            if (machine.folder / "run").exists() and not machine.runs(service):
                raise LabError(f"{service} ended: {machine.last_words(service)} ({machine.log(service)})")
        return api.ready()

    wait(ready, 60, lambda: f"API server not ready: {machine.last_words('kube-apiserver')}")


def _register(api: Api, plan: Plan, each: NodePlan) -> None:
    api.create(node.object_of(plan, each))
    if each.settings.conditions:
        api.patch(f"/api/v1/nodes/{each.name}/status", node.condition_patch(each))


def _start_containerd(machine: Machine) -> None:
    machine.service("start", "containerd")
    node.wait_for_containerd(machine)


def _start_node(api: Api, each: NodePlan, containerd: "Future[None]") -> None:
    machine = Machine(each.machine)
    if KUBE_PROXY in machine.services:
        machine.service("start", KUBE_PROXY)
    containerd.result()
    machine.service("start", "kubelet")
    if each.settings.agents:
        wait(lambda: _has_addresses(api, each), 60, lambda: f"{each.name}: {machine.last_words('kubelet')}")
    for agent in each.settings.all_agents:
        if agent.in_cluster:
            write(node.account_folder(machine, agent) / "token", api.token(NAMESPACE, agent.name), 0o600)
        machine.service("start", agent.name)


def _has_addresses(api: Api, each: NodePlan) -> bool:
    """Whether a kubelet has reported its node's addresses, which agents read once, as they start."""
    return bool(api.get(f"/api/v1/nodes/{each.name}").get("status", {}).get("addresses"))


def ready_nodes(api: Api) -> set[str]:
    """Names of the nodes that are Ready."""
    return {
        each["metadata"]["name"]
        for each in api.get("/api/v1/nodes")["items"]
        for condition in each.get("status", {}).get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def _wait_for_nodes(api: Api, plan: Plan) -> None:
    def late() -> list[NodePlan]:
        _check_services([Machine(each.machine) for each in plan.nodes if each.settings.agents])
        ready = ready_nodes(api)
        return [each for each in plan.nodes if each.name not in ready]

    wait(
        lambda: not late(),
        _PATIENCE,
        lambda: "; ".join(f"{each.name}: {Machine(each.machine).last_words('kubelet')}" for each in late()),
    )


def _assert_labels(api: Api, each: NodePlan) -> None:
    """Say the variant's labels again: a kubelet that registers puts its own words in some of them."""
    if each.settings.labels:
        api.patch(f"/api/v1/nodes/{each.name}", {"metadata": {"labels": each.settings.labels}})


def _check_services(machines: list[Machine]) -> None:
    """Nodes can be Ready without a kube-proxy. Raises LabError if anything ended meanwhile."""
    for machine in machines:
        for service in machine.services:
            if not machine.runs(service):
                raise LabError(f"{machine.name}: {service} ended: {machine.last_words(service)}")


def _wait_for_services(plan: Plan, each: NodePlan) -> None:
    """Wait until a node knows the API server's Service, though not for ever: a variant may have broken that.

    The add-ons ask it once as they start, and then no sooner than half a minute later.
    """
    machine, end = Machine(each.machine), time.monotonic() + _SERVICES_SECONDS
    address = next(iter(plan.service_address(1).values()))
    connect = ["timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{address}/443"]
    while not machine.succeeds(connect) and time.monotonic() < end:
        time.sleep(0.1)


def _wait_for_agents(plan: Plan, each: NodePlan) -> None:
    for agent in each.settings.all_agents:
        done = fill(agent.ready, node.agent_words(plan, each, agent))
        _wait_for_agent(Machine(each.machine), agent, done)


def _wait_for_agent(machine: Machine, agent: Agent, done: str) -> None:
    """Wait until an agent has done its first work on a node. Raises LabError, at once if it has ended."""

    def ready() -> bool:
        _check_services([machine])
        return machine.succeeds(["sh", "-ec", done])

    wait(ready, _PATIENCE, lambda: f"{machine.name}: {agent.name}: {machine.last_words(agent.name)}")


def _wait_for_addons(api: Api) -> None:
    def late() -> list[str]:
        try:
            return addons.unready(api)
        except ApiError as error:
            return [str(error)]

    wait(lambda: not late(), _PATIENCE, lambda: ", ".join(late()))
