"""What every node's kube-proxy says of itself on the node's loopback."""

import json
from http import HTTPStatus
from urllib.parse import urlsplit

from dualstack.family import Family
from dualstack.probes.script import Answers, Request
from dualstack.profile.model import Profile
from dualstack.scenario.ask import Ask
from dualstack.scenario.manifests import HOST
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen
from dualstack.survey.model import Survey

# https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/: metricsBindAddress, healthz
# On [::1] where bindAddress is IPv6, as kubeadm writes it for an IPv6 advertise address.
METRICS = {"mode": "http://127.0.0.1:10249/proxyMode", "mode6": "http://[::1]:10249/proxyMode"}
HEALTH = {"health": "http://127.0.0.1:10256/healthz", "health6": "http://[::1]:10256/healthz"}


CURL_CONNECT = 7  # could not connect: nothing listens


class ProxySeen(NodeSeen):
    """A node's kube-proxy."""

    mode: str | None = None
    answered_at: str | None = None
    """The loopback address that it told its mode at."""
    refused: bool = False
    """Nothing listens on either loopback address."""
    families: tuple[Family, ...] | None = None
    """Families that it programs, where it says so (`status` of /healthz)."""


def _read(node: str, answers: Answers) -> ProxySeen:
    families = next(
        (found for id_ in HEALTH if (found := _families(answers.files.get(("body", id_), "")))), None
    )
    errors = []
    for id_, url in METRICS.items():
        report = answers.curl.get(id_, {})
        where = urlsplit(url).netloc
        if not report.get("exitcode") and report.get("http_code") == HTTPStatus.OK:
            mode = answers.files.get(("body", id_), "").strip()
            return ProxySeen(node=node, mode=mode, answered_at=where, families=families)
        status = f"HTTP status {report.get('http_code', 'none')}"
        errors.append(f"{where}: {report.get('errormsg') or answers.curl_trouble or status}")
    refused = all(answers.curl.get(id_, {}).get("exitcode") == CURL_CONNECT for id_ in METRICS)
    return ProxySeen(node=node, refused=refused, trouble=f"no kube-proxy answers at {'; '.join(errors)}")


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
        HOST,
        *(Request("http", id_, url) for id_, url in (METRICS | HEALTH).items()),
        item=ProxySeen,
        read=_read,
    )

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where something else implements Services."""
        return None if profile.promises.proxy_modes else f"profile {profile.name} has no kube-proxy"
