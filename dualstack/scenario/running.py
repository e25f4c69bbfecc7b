"""Wait until pods run: those on every node, or those of a Deployment."""

from dualstack.scenario.seen import Pods
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import LIST_EVENTS, LIST_PODS, Needs, Step


class PodsRun(Step[Pods]):
    """Wait for the scenario's pods on every node; those that do not run are part of the result."""

    result = Pods

    def needs(self, site: Site) -> Needs:
        """Need to see pods, and events to say why one does not run."""
        return Needs(permissions=(LIST_PODS, LIST_EVENTS), seconds=site.profile.timeouts.pods)

    def run(self, stage: Stage) -> Pods:
        """Return the pods. Raises ApiError, Stopped."""
        pods = stage.pods.running(self.scenario.on_every_node)
        running = sum(pod.running for pod in pods.pods)
        stage.milestone("pods-running", f"{running} of {len(pods.pods)} probe pods run")
        return pods
