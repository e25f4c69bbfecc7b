"""Policies of the site that may refuse our own traffic: then a failure says nothing about the network.

Platforms put a default-deny NetworkPolicy into each new namespace, and network plugins have kinds that hold
for the whole cluster. A policy knows pods, not families: where it refuses, both families fail alike.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dualstack.cluster.errors import ApiError
from dualstack.cluster.ownership import MANAGED_BY
from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES, Family
from dualstack.probes.observation import Observation

if TYPE_CHECKING:
    from dualstack.scenario.stage import Stage

OWN = ("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy")
CLUSTER_WIDE = (
    ("policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io/v1alpha1", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy"),
    ("policy.networking.k8s.io/v1alpha2", "clusternetworkpolicies", "ClusterNetworkPolicy"),
    ("cilium.io/v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
    ("crd.projectcalico.org/v1", "globalnetworkpolicies", "GlobalNetworkPolicy"),
)
LIST_POLICIES = (
    Permission("list", OWN[0].partition("/")[0], OWN[1], optional=True),
    *(
        Permission("list", version.partition("/")[0], plural, optional=True, of_cluster=True)
        for version, plural, _ in CLUSTER_WIDE
    ),
)


def of_the_site(stage: Stage) -> list[str]:
    """Return the policies that may hold for our pods, by kind and name; none of them is ours."""
    version, plural, kind = OWN
    found = _names(stage, f"/apis/{version}/namespaces/{stage.owner.namespace}/{plural}", kind)
    for version, plural, kind in CLUSTER_WIDE:
        found += _names(stage, f"/apis/{version}/{plural}", kind)
    return found


def excused(stage: Stage, seen: list[Observation]) -> list[Observation]:
    """Return the observations; what fails from one source in both families is not judged beside a policy.

    Not where others get through: our pods are alike, so a policy that refuses some of them refuses all.
    """
    failed: defaultdict[tuple[str, str], set[Family]] = defaultdict(set)
    for each in seen:
        if _fails(each):
            failed[each.kind, each.source].add(each.family)
    through = {each.kind for each in seen if each.reached and each.source != each.target}
    alike = {key for key, families in failed.items() if families == set(FAMILIES) and key[0] not in through}
    policies = of_the_site(stage) if alike else []
    if not policies:
        return seen
    reason = (
        f"both families fail from here, and {policies[0]}, which the suite did not make, may refuse them"
        + (f" (and {len(policies) - 1} more)" if policies[1:] else "")
    )
    return [
        each.model_copy(update={"blocked": reason})
        if _fails(each) and (each.kind, each.source) in alike
        else each
        for each in seen
    ]


def _fails(path: Observation) -> bool:
    return not path.reached and not path.silent and not path.blocked and path.address is not None


def _names(stage: Stage, path: str, kind: str) -> list[str]:
    try:
        items = [each["metadata"] for each in stage.cluster.list(path)]
        return [f"{kind} {each['name']}" for each in items if not _is_ours(each)]
    except ApiError:
        return []  # there is no such kind, or it may not be read


def _is_ours(metadata: dict[str, Any]) -> bool:
    return (metadata.get("labels") or {}).get(MANAGED_BY[0]) == MANAGED_BY[1]
