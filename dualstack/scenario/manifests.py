"""The objects that a run creates: plain files in manifests/, filled in here with what only a run knows."""

from functools import cache
from typing import Any

from ruamel.yaml import YAML

from dualstack.places import MANIFESTS
from dualstack.survey.version import Release

Object = dict[str, Any]

PING_SYSCTL_IS_SAFE = Release(1, 21)
FAMILIES_ARE_PLURAL = Release(1, 20)
CLIENT, SERVER, HOST, CLOUD_CONFIG = "client", "server", "host", "cloud-config"
HTTP_PORT = 8080  # of the server pods, as in manifests/server.yaml
SERVICE_PORT = 80
ROLE_LABEL, BACKEND_LABEL = "dualstack-conformance/role", "dualstack-conformance/backend"
CLUSTER_IP_SERVICES = ("service-default", "service-ipv4", "service-ipv6")
CANARIES = ("canary-ipv4", "canary-ipv6")
LOAD_BALANCERS = ("load-balancer-ipv4", "load-balancer-ipv6", "load-balancer-ipv6-second")


@cache
def _text(name: str) -> str:
    return (MANIFESTS / f"{name}.yaml").read_text(encoding="utf-8")


def load(name: str) -> Object:
    """A manifest as it stands in its file."""
    document: Object = YAML(typ="safe").load(_text(name))
    return document


def pod(role: str, name: str, node: str, image: str | None, release: Release) -> Object:
    """The pod of a role, on a node. It names its node itself: taints and cordons are no excuse."""
    body = load(role)
    body["metadata"]["name"] = name
    body["spec"]["nodeName"] = node
    if image is not None:
        body["spec"]["containers"][0]["image"] = image
    if release < PING_SYSCTL_IS_SAFE:
        body["spec"]["securityContext"].pop("sysctls", None)  # a kubelet of that time refuses the pod
    return body


def backend(body: Object, chosen: bool) -> Object:
    """A server pod as a backend of the Services, or not."""
    if not chosen:
        del body["metadata"]["labels"][BACKEND_LABEL]
    return body


def service(name: str, release: Release) -> Object:
    """A Service in the fields of the server's time: before 1.20 `ipFamily`, one word, chosen at creation.

    https://v1-19.docs.kubernetes.io/docs/concepts/services-networking/dual-stack/#services
    """
    body = load(name)
    if release < FAMILIES_ARE_PLURAL:
        body["spec"].pop("ipFamilyPolicy", None)
        families = body["spec"].pop("ipFamilies", [])
        if families:
            body["spec"]["ipFamily"] = families[0]
    return body
