"""Scale a Deployment, or wait until as many of its pods run as its manifest says."""

import time

from dualstack.cluster.permissions import Permission
from dualstack.scenario.board import NotSeen
from dualstack.scenario.manifests import load, name_of
from dualstack.scenario.pods import wait_until
from dualstack.scenario.seen import Pods, PodSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import LIST_EVENTS, LIST_PODS, Needs, Step

LIST_DEPLOYMENTS = Permission("list", "apps", "deployments", optional=True)
"""To say what a run has left behind, where its namespace does not go."""
SCALE = Permission("patch", "apps", "deployments", "scale")


class Replicas(Step[Pods]):
    """Wait until as many pods of a Deployment run as its manifest says."""

    result = Pods

    def __init__(self, deployment: str) -> None:
        self.deployment = deployment

    @property
    def objects(self) -> tuple[str, ...]:
        """The Deployment."""
        return (self.deployment,)

    def needs(self, site: Site) -> Needs:
        """Need to see pods, events to say why one does not run, and what is left."""
        permissions = (LIST_PODS, LIST_EVENTS, LIST_DEPLOYMENTS)
        return Needs(permissions=permissions, seconds=site.profile.timeouts.pods)

    def run(self, stage: Stage) -> Pods:
        """Return the Deployment's pods. Raises NotSeen, ApiError, Stopped."""
        bodies = [body for name in self.scenario.manifests for body in load(name)]
        manifest = next(body for body in bodies if name_of(body) == self.deployment)
        return self.settled(stage, manifest["spec"]["replicas"])

    def settled(self, stage: Stage, replicas: int) -> Pods:
        """Wait for exactly so many running pods. Raises NotSeen with the reason, ApiError, Stopped."""
        seen = stage.objects[self.deployment]
        if seen.spec is None:
            raise NotSeen(f"there is no Deployment {self.deployment}: {seen.error}")
        labels: dict[str, str] = seen.asked["selector"]["matchLabels"]  # type: ignore[index,call-overload,assignment]
        pods: list[PodSeen] = []

        def as_asked() -> bool:
            pods[:] = stage.pods.selected(labels)
            return len(pods) == replicas and all(pod.running for pod in pods)

        started, timeouts = time.monotonic(), stage.site.profile.timeouts
        bound, unmade = timeouts.pods, timeouts.unmade
        with stage.waiting(f"{replicas} pods of Deployment {self.deployment}", bound):
            if not wait_until(stage, as_asked, min(bound, unmade)) and (pods or not stage.pods.unmade()):
                wait_until(stage, as_asked, bound - unmade)
        if not as_asked():
            waited = time.monotonic() - started
            count = f"{sum(pod.running for pod in pods)} of {len(pods)} pods run after {waited:.0f} s"
            why = stage.pods.explained(labels)
            raise NotSeen(f"Deployment {self.deployment}: {count}, {replicas} are wanted: {why}")
        return Pods(pods=tuple(pods), seconds=round(time.monotonic() - started, 3))


class Scale(Replicas):
    """Set a Deployment's replicas and wait until that many run and none of the others is left."""

    def __init__(self, deployment: str, replicas: int) -> None:
        super().__init__(deployment)
        self.replicas = replicas

    @property
    def changes(self) -> tuple[str, ...]:
        """The Deployment."""
        return (self.deployment,)

    def needs(self, site: Site) -> Needs:
        """Need to scale as well."""
        needs = super().needs(site)
        return Needs(permissions=(SCALE, *needs.permissions), seconds=needs.seconds)

    def run(self, stage: Stage) -> Pods:
        """Return the pods that are there afterwards. Raises NotSeen, ApiError, Stopped."""
        path = f"/apis/apps/v1/namespaces/{stage.owner.namespace}/deployments/{self.deployment}/scale"
        stage.cluster.patch(path, {"spec": {"replicas": self.replicas}})
        return self.settled(stage, self.replicas)
