"""The objects that a run creates: plain files in manifests/, filled in here with what only a run knows."""

import copy
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from dualstack.places import MANIFESTS
from dualstack.survey.version import Release

Object = dict[str, Any]

PING_SYSCTL_IS_SAFE = Release(1, 21)
HOST_IPS_ARE_TOLD = Release(1, 30)
FAMILIES_ARE_PLURAL = Release(1, 20)
CLIENT, SERVER, HOST, CLOUD_CONFIG = "client", "server", "host", "cloud-config"
GUARDED, HOST_PORT = "guarded", "host-port"
"""Servers that stand behind no other Service: the run's own NetworkPolicies select some, others have a
hostPort."""
INTERNAL = "load-balancer-internal"
"""The Service that gets the profile's annotations for a load balancer that is not public."""
SECONDS_TO_LIVE, POD_IPS, HOST_IPS = "SECONDS_TO_LIVE", "POD_IPS", "HOST_IPS"
ROLE_LABEL, BACKEND_LABEL = "dualstack-conformance/role", "dualstack-conformance/backend"
CANARY_LABEL = "dualstack-conformance/canary"


@cache
def _documents(name: str) -> tuple[Object, ...]:
    text = (MANIFESTS / f"{name}.yaml").read_text(encoding="utf-8")
    return tuple(document for document in YAML(typ="safe").load_all(text) if document)


def load(name: str) -> list[Object]:
    """Return the objects of a manifest as they stand in its file; the caller may change them."""
    return copy.deepcopy(list(_documents(name)))


def name_of(body: Object) -> str:
    """Return an object's name."""
    return str(body["metadata"]["name"])


def pod(
    role: str,
    name: str,
    node: str,
    *,
    image: str | None,
    release: Release,
    cloud_config: str | None,
    host_port: int | None,
) -> Object:
    """Return the pod of a role, on a node. It names its node itself: taints and cordons are no excuse."""
    apart = role in (GUARDED, HOST_PORT)
    (body,) = load(SERVER if apart else role)
    if apart:
        labels = body["metadata"]["labels"]
        body["metadata"]["labels"] = {**labels, ROLE_LABEL: role}
        for label in (BACKEND_LABEL, CANARY_LABEL):
            body["metadata"]["labels"].pop(label)
        body["spec"].pop("subdomain")
    if role == HOST_PORT:
        body["spec"]["containers"][0]["ports"][0]["hostPort"] = host_port
    body["metadata"]["name"] = name
    body["spec"]["nodeName"] = node
    if "subdomain" in body["spec"]:  # the pod has a name in the DNS (see dns-headless)
        body["spec"]["hostname"] = name
    _set_image(body["spec"], image)
    if release < PING_SYSCTL_IS_SAFE:
        body["spec"]["securityContext"].pop("sysctls", None)  # a kubelet of that time refuses the pod
    if release < HOST_IPS_ARE_TOLD:
        for container in body["spec"]["containers"]:
            container["env"] = [each for each in container.get("env", []) if each["name"] != HOST_IPS]
    for volume in body["spec"].get("volumes", []):
        if volume["name"] == CLOUD_CONFIG:
            volume["hostPath"]["path"] = cloud_config
    return body


def filled(name: str, image: str | None, release: Release) -> list[Object]:
    """Return the objects of a manifest that are created once."""
    bodies = load(name)
    for body in bodies:
        if body["kind"] == "Service" and release < FAMILIES_ARE_PLURAL:
            _to_single_word(body["spec"])
        for spec in _pod_specs(body):
            _set_image(spec, image)
    return bodies


def prefer(body: Object, node: str) -> None:
    """Let a Deployment's pods go to a node, if the scheduler sees nothing against it."""
    name = {"key": "metadata.name", "operator": "In", "values": [node]}
    term = {"weight": 100, "preference": {"matchFields": [name]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    body["spec"]["template"]["spec"]["affinity"] = affinity


def leave_user_to_platform(body: Object) -> None:
    """Take user and group out of pods: OpenShift chooses them, from a range of the namespace."""
    for spec in _pod_specs(body):
        for context in (spec.get("securityContext", {}), spec["containers"][0].get("securityContext", {})):
            context.pop("runAsUser", None)
            context.pop("runAsGroup", None)


def end_after(body: Object, seconds: int) -> None:
    """Let a pod, or what a Deployment's pods run, end by itself, should nobody be left to remove it."""
    if body["kind"] == "Pod":
        body["spec"]["activeDeadlineSeconds"] = seconds  # a pod template may not have it
    for spec in _pod_specs(body):
        for variable in spec["containers"][0].get("env", []):
            if variable["name"] == SECONDS_TO_LIVE:
                variable["value"] = str(seconds)


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Return whether a Service's selector matches a pod's labels; no selector matches nothing."""
    return bool(selector) and selector.items() <= labels.items()


def _pod_specs(body: Object) -> list[Object]:
    """Return the pod's own spec, or that of the template; none for other kinds."""
    if body["kind"] == "Pod":
        return [body["spec"]]
    template = body["spec"].get("template")
    return [template["spec"]] if template else []


def _set_image(spec: Object, image: str | None) -> None:
    if image is not None:
        spec["containers"][0]["image"] = image


def _to_single_word(spec: Object) -> None:
    """Turn families into the field of 1.16 to 1.19: `ipFamily`, one word, chosen at creation.

    https://v1-19.docs.kubernetes.io/docs/concepts/services-networking/dual-stack/#services
    """
    spec.pop("ipFamilyPolicy", None)
    if families := spec.pop("ipFamilies", []):
        spec["ipFamily"] = families[0]
