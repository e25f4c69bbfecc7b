"""Ask the API server what we may do, before doing it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from dualstack.cluster.api import Cluster
from dualstack.cluster.errors import ApiError

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class Permission:
    """A verb on a resource, as RBAC has them."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str | None = None
    names: tuple[str, ...] = ()
    """Only objects of these names; any if empty."""
    optional: bool = False
    """Used only to explain what went wrong: without it a reason is shorter."""

    of_cluster: bool = False
    """Objects of that kind are in no namespace."""

    def __str__(self) -> str:
        return f"{self.verb} {self.what}" + (f" in namespace {self.namespace}" if self.namespace else "")

    @property
    def what(self) -> str:
        """The resource as RBAC spells it, subresource included."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def within(permission: Permission, namespace: str | None) -> Permission:
    """Return the permission as it is needed in one namespace, or in any."""
    return replace(permission, namespace=namespace)


def denied(cluster: Cluster, wanted: list[Permission]) -> list[Permission]:
    """Those of the permissions that we do not have. Where even asking is refused, the real call tells."""

    def lacks(permission: Permission) -> bool:
        attributes = {
            "verb": permission.verb,
            "group": permission.group,
            "resource": permission.resource,
            "subresource": permission.subresource,
            "namespace": permission.namespace or "",
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        try:
            return not cluster.create(REVIEWS, body)["status"].get("allowed", False)
        except ApiError:
            return False

    with ThreadPoolExecutor(max(1, len(wanted))) as pool:
        return [
            permission for permission, lacking in zip(wanted, pool.map(lacks, wanted), strict=True) if lacking
        ]
