"""CoreDNS and MetalLB from their official manifests, with the few changes that the lab needs, each said here.

CoreDNS: placeholders filled in (in 1.19 they have PILLAR in their names), leave to read EndpointSlices
(which 1.19's manifest does not give), both families for its Service where it can have them.
MetalLB: no validating webhook (the API server has no way to pods' Services), probes without their ten seconds
of delay. Both: the images that were built; Deployments run on the first node, so that what a damaged node
breaks does not depend on where the scheduler put them.
"""

import base64
import secrets
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from lab import namespaces
from lab.addresses import FABRIC, Plan
from lab.api import Api, Json
from lab.artifacts import Artifacts
from lab.controlplane import ADMIN_KUBECONFIG, KUBELET_CLIENT
from lab.node import image_of

_METALLB = "metallb-system"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_SLICES = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}


def _documents(text: str) -> Iterator[Json]:
    yield from (each for each in YAML(typ="safe", pure=True).load_all(text) if each)


def rbac() -> Json:
    """What lets the API server itself reach kubelets (exec, logs)."""
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "system:kubelet-api-admin"}
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": KUBELET_CLIENT},
        "roleRef": role,
        "subjects": [{"apiGroup": group, "kind": "User", "name": KUBELET_CLIENT}],
    }


def roles(plan: Plan) -> list[Json]:
    """What permits the network agents to work; they start with the kubelets."""
    agents = {agent.name: agent for node in plan.nodes for agent in node.settings.all_agents}
    return [document for agent in agents.values() for document in agent.role()]


def define(built: Artifacts) -> None:
    """Create the resource definitions that network agents bring."""
    for folder in (each / "manifests/crds" for each in built.extras.values()):
        if folder.is_dir():
            kubectl = f"{built.bin}/kubectl --kubeconfig {ADMIN_KUBECONFIG}"
            namespaces.run_inside(FABRIC, f"{kubectl} create --recursive --filename {folder}")


def coredns(plan: Plan, built: Artifacts) -> list[Json]:
    """CoreDNS's objects."""
    addresses = list(plan.service_address(10).values())
    text = (built.manifests / "coredns.yaml.base").read_text()
    for placeholder, value in {
        "__DNS__DOMAIN__": "cluster.local",
        "__DNS__SERVER__": f"'{addresses[0]}'",
        "__DNS__MEMORY__LIMIT__": "170Mi",
    }.items():
        text = text.replace(f"__PILLAR{placeholder}", value).replace(placeholder, value)
    found = list(_documents(text))
    for each in found:
        if each["kind"] == "Service" and plan.variant.release.services_of_both_families:
            each["spec"] |= {"clusterIPs": addresses, "ipFamilyPolicy": "PreferDualStack"}
        if each["kind"] == "ClusterRole":
            each["rules"].append(_SLICES)
        if each["kind"] == "Deployment":
            container = _container(each)
            container["image"] = image_of(built, "coredns")
            container["readinessProbe"]["periodSeconds"] = 1
            _pin(each, plan)
    return found


def metallb(plan: Plan, built: Artifacts) -> list[Json]:
    """MetalLB's objects, its address pools included; a variant may give them one family only."""
    found = [
        each for each in _documents((built.manifests / "metallb-native.yaml").read_text()) if _wanted(each)
    ]
    for each in found:
        if each["kind"] in ("Deployment", "DaemonSet"):
            container = _container(each)
            for probe in ("livenessProbe", "readinessProbe"):
                container[probe] |= {"initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 30}
        if each["kind"] == "Deployment":
            _container(each)["args"].append("--webhook-mode=disabled")
            _container(each)["volumeMounts"] = []
            each["spec"]["template"]["spec"]["volumes"] = []
            _pin(each, plan)
    key = base64.b64encode(secrets.token_bytes(96)).decode()
    found.append(_object("v1", "Secret", "memberlist") | {"stringData": {"secretkey": key}})
    ranges = list(plan.variant.load_balancer_pools)
    pools = (
        {f"lab-{n}": [each] for n, each in enumerate(ranges)} if plan.variant.a_pool_each else {"lab": ranges}
    )
    for name, addresses in pools.items():
        pool = _object("metallb.io/v1beta1", "IPAddressPool", name)
        found.append(pool | {"spec": {"addresses": addresses}})
    if inside := plan.variant.internal_pool:
        pool = _object("metallb.io/v1beta1", "IPAddressPool", "internal")
        found.append(pool | {"spec": {"addresses": [inside], "autoAssign": False}})
    found.append(_object("metallb.io/v1beta1", "L2Advertisement", "lab") | {"spec": {}})
    return found


def _wanted(manifest: Json) -> bool:
    return "webhook" not in manifest["metadata"]["name"]


def _object(version: str, kind: str, name: str) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": _METALLB}}


def _container(workload: Json) -> dict[str, Any]:
    container: dict[str, Any] = workload["spec"]["template"]["spec"]["containers"][0]
    return container


def _pin(deployment: Json, plan: Plan) -> None:
    """Have the Deployment's pods run on the first node, even where that is a tainted control-plane node."""
    field = {"key": "metadata.name", "operator": "In", "values": [plan.nodes[0].name]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    spec = deployment["spec"]["template"]["spec"]
    spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    spec.setdefault("tolerations", []).append({"key": _CONTROL_PLANE, "operator": "Exists"})


def objects(plan: Plan, built: Artifacts) -> list[Json]:
    """All objects of the add-ons that the variant wants."""
    found = [rbac()]
    if plan.variant.dns == "coredns":
        found += coredns(plan, built)
    if plan.variant.load_balancer == "metallb":
        found += metallb(plan, built)
    return found


def unready(api: Api) -> list[str]:
    """Workloads of the add-ons whose pods are not all ready."""
    late = []
    for kind, wanted, ready in (
        ("deployments", "replicas", "readyReplicas"),
        ("daemonsets", "desiredNumberScheduled", "numberReady"),
    ):
        for each in api.get(f"/apis/apps/v1/{kind}")["items"]:
            status, generation = each.get("status", {}), each["metadata"]["generation"]
            want = status.get(wanted, 0)
            if status.get("observedGeneration") != generation or not want or status.get(ready, 0) < want:
                late.append(f"{each['metadata']['name']} {status.get(ready, 0)}/{want or '?'}")
    return late
