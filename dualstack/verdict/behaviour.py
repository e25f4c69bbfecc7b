"""A behaviour: one claim about a cluster, declared beside the test that judges it."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from dualstack.verdict.words import Level, Tier

Test = TypeVar("Test", bound=Callable[..., None])


class Behaviour(BaseModel):
    """The declaration of one claim. Every field is data: the catalogue in docs/ is generated from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    level: Level
    """The default; a profile may change it."""
    tier: Tier
    claim: str
    """One sentence in the present tense."""
    source: str
    """Where the rule is written down: a URL."""
    remedy: str
    """What an operator does first when it breaks."""
    since: str = "1.16"
    """The first Kubernetes minor release that has the behaviour."""
    until: str | None = None
    """The last one, if it is gone."""
    every_node: bool = False
    """It speaks of every node, so one that gets no probe pods is recorded as not judged."""
    every_pair: bool = False
    """It speaks of every pair of nodes, so those that are not probed are recorded."""
    both_families: bool = False
    """It compares the families, or its objects have both: not applicable where only one is promised."""
    traffic: str = ""
    """What moves on its paths, the protocol first; a diagnosis puts findings of one traffic together. Empty
    where it is of several kinds. Without paths: `all` where whatever moves at its subjects rests on it."""
    reads: tuple[str, ...] = ()
    """Facts of the survey that it needs, by the names in `Survey.missing`."""
    promise: str | None = None
    """The key of the profile's `promises` without which it is not applicable."""
    expects: tuple[str, ...] = ()
    """Keys of the profile's `expect`: without any of them it is not applicable."""
    limit: str | None = None
    """The key of the profile's `limits` that it judges; where that does not hold, the cluster is
    `unsupported`, not broken, and without the key it is not applicable."""


def behaviour(declared: Behaviour, *, needs: tuple[type, ...] = ()) -> Callable[[Test], Test]:
    """Attach a declaration to its test function, and the scenarios whose results the test waits for."""

    def attach(test: Test) -> Test:
        test.behaviour, test.needs = declared, needs  # type: ignore[attr-defined]
        return test

    return attach
