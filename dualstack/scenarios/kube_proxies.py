"""What every node's kube-proxy says of itself on the node's loopback."""

import json

from dualstack.family import Family
from dualstack.probes.script import Answers, Request
from dualstack.profile.model import Profile
from dualstack.scenario.ask import Ask
from dualstack.scenario.manifests import HOST
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen
from dualstack.survey.model import Survey

# https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/: metricsBindAddress, healthz
METRICS, HEALTH = "http://127.0.0.1:10249/proxyMode", "http://127.0.0.1:10256/healthz"


class ProxySeen(NodeSeen):
    """A node's kube-proxy."""

    mode: str | None = None
    families: tuple[Family, ...] | None = None
    """Families that it programs, where it says so (`status` of /healthz)."""


def _read(node: str, answers: Answers) -> ProxySeen:
    report = answers.curl.get("mode", {})
    if report.get("exitcode") or report.get("http_code") != 200:
        error = report.get("errormsg") or f"HTTP status {report.get('http_code', 'none')}"
        return ProxySeen(
            node=node, trouble=f"no kube-proxy answers at {METRICS.removeprefix('http://')}: {error}"
        )
    mode = answers.files.get(("body", "mode"), "").strip()
    return ProxySeen(node=node, mode=mode, families=_families(answers.files.get(("body", "health"), "")))


def _families(health: str) -> tuple[Family, ...] | None:
    """Return the families in `status` of a recent kube-proxy's /healthz; None where it does not name them."""
    try:
        status = json.loads(health).get("status") or {}
    except (ValueError, AttributeError):
        return None
    return tuple(family for family in Family if family.value in status) or None


class KubeProxies(Scenario):
    """Mode and families of every node's kube-proxy, asked from the node's own network namespace."""

    id = "kube-proxies"
    on_every_node = (HOST,)
    seen = Ask(
        HOST, Request("http", "mode", METRICS), Request("http", "health", HEALTH), item=ProxySeen, read=_read
    )

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where something else implements Services."""
        return None if profile.promises.proxy_modes else f"profile {profile.name} has no kube-proxy"
