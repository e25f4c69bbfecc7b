"""Ask the API server for things, one after the other, and see what it makes of each.

By a dry run it admits, defaults, validates and allocates, and keeps nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.scenario.board import NotSeen
from dualstack.scenario.manifests import Object, name_of
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step

CREATE_SERVICES, PATCH_SERVICES = Permission("create", "", "services"), Permission("patch", "", "services")


@dataclass(frozen=True)
class Attempt:
    """One request about a Service of the scenario's manifests."""

    what: str
    """In words, for findings; unique within the step."""
    service: str
    spec: Mapping[str, JsonValue] = field(default_factory=dict)
    """What is merged into the Service's spec; `null` takes a field away."""
    as_new: bool = False
    """Ask for another Service of such a spec, by a dry run."""
    dry_run: bool = False


class AttemptSeen(Seen):
    """What came of one."""

    what: str
    service: str
    asked: tuple[str, ...] = ()
    """Addresses that were named."""
    spec: dict[str, JsonValue] | None = None
    """The Service's spec as it then was, or would have been; None if the request was refused."""
    error: str | None = None
    """The API server's words, if it found the request invalid."""


class AttemptsSeen(Seen):
    """What came of each, in order."""

    attempts: tuple[AttemptSeen, ...]

    def of(self, what: str) -> AttemptSeen:
        """Return what came of one."""
        return next(each for each in self.attempts if each.what == what)


class Attempts(Step[AttemptsSeen]):
    """Make requests in order; that one is invalid is a result, anything else that fails is an error."""

    result = AttemptsSeen

    def __init__(self, *attempts: Attempt) -> None:
        self.attempts = attempts

    @property
    def objects(self) -> tuple[str, ...]:
        """The Services."""
        return tuple(dict.fromkeys(each.service for each in self.attempts))

    @property
    def changes(self) -> tuple[str, ...]:
        """The Services that are really patched."""
        kept = [each.service for each in self.attempts if not each.dry_run and not each.as_new]
        return tuple(dict.fromkeys(kept))

    def needs(self, site: Site) -> Needs:
        """Need to create or to patch Services."""
        found = {CREATE_SERVICES if each.as_new else PATCH_SERVICES for each in self.attempts}
        return Needs(permissions=tuple(sorted(found, key=str)), seconds=float(len(self.attempts)))

    def run(self, stage: Stage) -> AttemptsSeen:
        """Return what came of each. Raises NotSeen, ApiError, Stopped."""
        seen = []
        for each in self.attempts:
            stage.pause(0)
            created = stage.objects[each.service]
            if created.spec is None:
                raise NotSeen(f"there is no Service {each.service}: {created.error}")
            seen.append(self._made(stage, each))
        return AttemptsSeen(attempts=tuple(seen))

    def _made(self, stage: Stage, attempt: Attempt) -> AttemptSeen:
        path = f"/api/v1/namespaces/{stage.owner.namespace}/services"
        try:
            if attempt.as_new:
                body = another(stage, self, attempt.service, attempt.spec)
                answer = stage.cluster.create(path, body, dry_run=True)
            else:
                change = {"spec": dict(attempt.spec)}
                answer = stage.cluster.patch(f"{path}/{attempt.service}", change, dry_run=attempt.dry_run)
        except ApiError as error:
            if not error.invalid:
                raise
            return AttemptSeen(what=attempt.what, service=attempt.service, error=str(error))
        return AttemptSeen(what=attempt.what, service=attempt.service, spec=answer["spec"])


def another(stage: Stage, step: Step[Any], service: str, spec: Mapping[str, JsonValue]) -> Object:
    """Return the body of another Service like one of the step's, with `spec` merged into its own."""
    like = next(body for body in stage.site.objects(step.scenario.manifests) if name_of(body) == service)
    merged = {key: value for key, value in (like["spec"] | dict(spec)).items() if value is not None}
    metadata = like["metadata"] | {"name": f"{service}-tried"}
    return stage.owner.stamp(like | {"metadata": metadata, "spec": merged})
