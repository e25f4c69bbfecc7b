"""A group of findings that share something: a cause in the making."""

from collections import Counter

from dualstack.diagnosis.model import Broken, Cause
from dualstack.diagnosis.regions import Region
from dualstack.family import Family
from dualstack.verdict.finding import remedy_of
from dualstack.verdict.words import Level

RUNNER = "runner"
EVERYTHING = "all"  # the traffic of behaviours that all else at their subjects rests on
STRENGTH = (Level.MUST, Level.SHOULD, Level.MAY, Level.INFO)


class Group:
    """Findings about subjects that say the same, or broken paths of one region."""

    def __init__(self, first: Broken, *, family: Family | None, region: Region | None = None) -> None:
        self.first, self.family, self.region = first, family, region
        self.own: list[Broken] = []
        self.follows: list[Broken] = []
        self.nodes: set[str] = set()
        """The names that it is about: ends of its paths, or the nodes of its subjects."""
        self.protocols: set[str] = set()
        self.centre: set[str] | None = None
        """The names that all of its findings have in common."""
        self.is_wide = False
        """For a region: a whole protocol is broken there, or all of one kind of traffic."""
        self.sentence = ""
        self.add(first)

    def add(self, broken: Broken) -> None:
        """Take a finding in."""
        finding = broken.finding
        ends = {each for each in (finding.source, finding.target, finding.subject) if each}
        self.own.append(broken)
        self.nodes |= ends if self.region else {finding.target or finding.subject}
        self.protocols.add(broken.protocol)
        self.centre = ends if self.centre is None else self.centre & ends

    def take_over(self, other: "Group") -> None:
        """Make another group's findings its own."""
        self.own += other.own
        self.follows += other.follows
        self.nodes |= other.nodes
        self.protocols |= other.protocols
        self.family = self.family if self.family is other.family else None

    def explains(self, broken: Broken, *, base: int) -> bool:
        """Return whether a finding of a later topic follows from it, as far as can be told.

        `base`: the rank below which topics are about nodes, and pods that reach each other; all else rests on
        these, calls from outside too: by which node they come in is not known.
        """
        finding = broken.finding
        if broken.rank <= self.first.rank or self.family not in (None, finding.family):
            return False
        if self.region is None:
            if EVERYTHING not in self.protocols:
                return False
        elif not self.is_wide or (broken.protocol and broken.protocol not in self.protocols):
            return False
        if finding.source == RUNNER and self.first.rank < base:
            return True
        return bool(self.nodes & {finding.source, finding.target, finding.subject})

    def is_root_of(self, other: "Group") -> bool:
        """Return whether it is a node's own trouble, and the other's paths lie around that node."""
        return (
            self.region is None
            and other.region is not None
            and EVERYTHING in self.protocols
            and self.family in (None, other.family)
            and self.first.rank < other.first.rank
            and bool(self.nodes & (other.centre or set()))
        )

    def cause(self) -> Cause:
        """Return it as it is reported."""
        everything = [*self.own, *self.follows]
        return Cause(
            sentence=self.sentence,
            why=self.first.finding.cause or "",
            remedy=remedy_of((each.finding for each in self.own), self.first.of.remedy),
            family=self.family,
            level=min((each.of.level for each in everything), key=STRENGTH.index),
            behaviours=dict(Counter(each.of.id for each in self.own)),
            follows=dict(Counter(each.of.id for each in self.follows)),
        )
