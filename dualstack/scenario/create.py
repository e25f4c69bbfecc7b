"""Created: what the API server made of the scenario's objects. A refusal is a result."""

from dualstack.scenario.seen import Objects
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step


class Created(Step[Objects]):
    """Objects are created in one burst before any scenario plays, so this step takes no time."""

    result = Objects

    def needs(self, site: Site) -> Needs:
        """Need nothing: the burst's permissions are those of the objects themselves."""
        return Needs()

    def run(self, stage: Stage) -> Objects:
        """Return each object of the scenario's manifests as it was answered."""
        names = [body["metadata"]["name"] for body in stage.site.objects(self.scenario.manifests)]
        return Objects(objects={name: stage.objects[name] for name in names})
