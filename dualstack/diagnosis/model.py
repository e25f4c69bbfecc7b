"""A cause: what many findings share, in one sentence."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from dualstack.family import Family
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Level


class Cause(BaseModel):
    """Some of the findings that break, said as one."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    sentence: str
    """What is wrong and where, as narrowly as the findings allow."""
    why: str
    """What one of the findings says of it."""
    remedy: str
    """What to do first."""
    family: Family | None = None
    """None where both are concerned, or neither."""
    level: Level
    """The strongest of its behaviours'."""
    behaviours: dict[str, int]
    """How many findings of each behaviour it is, those that follow from it left aside."""
    follows: dict[str, int] = {}
    """How many findings of others follow from it, as far as can be told by node, family and traffic."""

    @property
    def findings(self) -> int:
        """All findings that it stands for."""
        return sum(self.behaviours.values()) + sum(self.follows.values())

    @property
    def count(self) -> str:
        """Its findings in words, e.g. `6 findings of tcp-pod-to-pod and mtu-tcp, 4 that follow`."""
        own, more = sum(self.behaviours.values()), sum(self.follows.values())
        names = list(self.behaviours)
        if len(names) > 3:
            names = [*names[:3], f"{len(names) - 3} more"]
        listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        words = f"{own} finding{'s' if own != 1 else ''} of {listed}"
        return words + (f", {more} that follow{'s' if more == 1 else ''}" if more else "")


class Judged(Protocol):
    """A behaviour's result, as far as a diagnosis reads it."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def level(self) -> Level:
        """As the profile has it."""

    @property
    def topic(self) -> str:
        """The file that it stands in."""

    @property
    def traffic(self) -> str:
        """What moves on its paths."""

    @property
    def remedy(self) -> str:
        """What to do first."""

    @property
    def findings(self) -> Iterable[Finding]:
        """What was found."""


class Broken(NamedTuple):
    """A finding that breaks, with its behaviour."""

    of: Judged
    rank: int
    """Its topic's place in the order in which topics rest on each other."""
    finding: Finding

    @property
    def pair(self) -> tuple[str, str]:
        """(source, target); only for paths."""
        return str(self.finding.source), str(self.finding.target)

    @property
    def protocol(self) -> str:
        """The first word of its traffic."""
        return self.of.traffic.partition(" ")[0]
