"""A scenario: the objects that a behaviour needs, and named steps in order, as a class body.

    class EndpointRemoval(Scenario):
        id = "endpoint-removal"
        on_every_node = (CLIENT,)
        manifests = ("endpoint-removal",)
        ready = Running("removal")
        there = Probe(TCP, UDP, to=ClusterIPs("removal-ipv4", "removal-ipv6"))

All objects of all scenarios are created in one burst at the start; then scenarios play side by side, each
one's steps one after the other. A step may change objects of its own scenario's manifests only.
"""

import re
from typing import Any, ClassVar

from dualstack.profile.model import Profile
from dualstack.scenario.step import Step
from dualstack.survey.model import Survey


class Scenario:
    """The base of all scenarios; never instantiated."""

    id: ClassVar[str]
    """Lower case, digits and dashes; unique."""
    on_every_node: ClassVar[tuple[str, ...]] = ()
    """Pods put on every node: manifests of that name; the name is the pods' role."""
    manifests: ClassVar[tuple[str, ...]] = ()
    """Files in manifests/ whose objects are created once."""
    reads_only: ClassVar[bool] = False
    """It creates and changes nothing, so that it is played where nothing may be."""
    steps: ClassVar[tuple[Step[Any], ...]] = ()

    def __init_subclass__(cls) -> None:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cls.id), cls.id
        cls.steps = tuple(value for value in vars(cls).values() if isinstance(value, Step))

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Return why it is not played on this cluster, or None; its steps fail with that reason."""
        return None

    @classmethod
    def rests_on(cls) -> "list[type[Scenario]]":
        """Return the other scenarios whose results its steps read."""
        others = [other.scenario for step in cls.steps for other in step.rests_on]
        return [each for each in others if each is not cls]
