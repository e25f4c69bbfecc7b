"""Group what breaks by what it shares, and say each group once.

1. Findings about one node or one object (no path): one cause for each subject, behaviour by behaviour.
2. Paths between nodes: behaviour by behaviour in the order of topics, the broken ones are cut into regions
   (regions.py); behaviours of one topic that break in a whole region share it.
3. Paths to Services: the same, sources by Services.
What is broken at a later topic on the same nodes, in the same family and by the same traffic, follows from
the cause and is counted there. So does a region that lies around a node with a cause of its own.
Nothing here looks at evidence: a cause is as sure as the findings, and names no more than they share.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from dualstack.diagnosis.model import Broken, Cause, Judged, breaks
from dualstack.diagnosis.regions import Pair, Region, regions
from dualstack.diagnosis.sentence import of_region, of_subject
from dualstack.family import FAMILIES, Family
from dualstack.verdict.words import Level, Verdict

STRENGTH = (Level.MUST, Level.SHOULD, Level.MAY, Level.INFO)
RUNNER, SERVICES = "runner", "services"
JUDGED = (Verdict.BREAKS, Verdict.CONFORMS, Verdict.WAIVED)


class Group:
    """A cause in the making."""

    def __init__(self, first: Broken, *, family: Family | None, region: Region | None = None) -> None:
        self.first, self.family, self.region = first, family, region
        self.sentence = ""
        self.is_base = False
        """It is about nodes or about pods that reach each other: all else rests on these."""
        self.own: list[Broken] = [first]
        self.follows: list[Broken] = []

    @property
    def nodes(self) -> set[str]:
        """The names that it is about."""
        if self.region:
            return {end for pair in self.region.pairs for end in pair}
        return {str(self.first.finding.target or self.first.finding.subject)}

    def explains(self, broken: Broken) -> bool:
        """Return whether a finding of a later topic follows from it, as far as can be told."""
        finding = broken.finding
        if broken.rank <= self.first.rank or self.family not in (None, finding.family):
            return False
        if self.region and broken.traffic and _protocol(broken) not in map(_protocol, self.own):
            return False
        if finding.source == RUNNER and self.is_base:
            return True  # by which node a call from outside comes in is not known
        return bool(self.nodes & {finding.source, finding.target, finding.subject})

    def cause(self) -> Cause:
        """Return it as it is reported."""
        everything = [*self.own, *self.follows]
        return Cause(
            sentence=self.sentence,
            why=self.first.finding.cause or "",
            remedy=self.first.finding.remedy or self.first.of.remedy,
            family=self.family,
            level=min((each.of.level for each in everything), key=STRENGTH.index),
            behaviours=dict(Counter(each.of.id for each in self.own)),
            follows=dict(Counter(each.of.id for each in self.follows)),
        )


def causes(results: Sequence[Judged], topics: Sequence[str]) -> list[Cause]:
    """Return the causes of all that breaks, those of the earliest topic first; each finding is in one.

    `topics`: in the order in which they rest on each other.
    """
    ranks = {topic: rank for rank, topic in enumerate(topics)}
    broken = [
        Broken(result, ranks.get(result.topic, len(ranks)), result.traffic, finding)
        for result in results
        for finding in result.findings
        if breaks(finding)
    ]
    paths = [each for each in broken if each.finding.source and each.finding.target]
    groups = _by_subject([each for each in broken if each not in paths])
    base = ranks.get(SERVICES, len(ranks))
    for rank in sorted({each.rank for each in paths}):
        for family in FAMILIES:
            of_rank = [each for each in paths if each.rank == rank and each.finding.family is family]
            for group in groups:
                group.is_base = group.first.rank < base
            of_rank = [each for each in of_rank if not _follows(each, groups)]
            groups += _by_region(of_rank, family, results)
    groups = _folded(groups)
    groups.sort(key=lambda each: (each.first.rank, -len(each.own) - len(each.follows)))
    return [each.cause() for each in groups]


def _by_subject(broken: Sequence[Broken]) -> list[Group]:
    """Return a group for each behaviour, family and cause."""
    found: dict[tuple[str, Family | None, str], Group] = {}
    for each in broken:
        finding = each.finding
        key = (each.of.id, finding.family, finding.cause or "")
        if key in found:
            found[key].own.append(each)
        else:
            found[key] = Group(each, family=finding.family)
    for group in found.values():
        group.sentence = of_subject(group.own)
    return list(found.values())


def _by_region(broken: Sequence[Broken], family: Family, results: Sequence[Judged]) -> list[Group]:
    """Return the groups of one topic's paths: traffic that breaks in the same region is one."""
    by_id: dict[str, dict[Pair, Broken]] = {}
    for each in broken:
        by_id.setdefault(each.of.id, {})[each.pair] = each
    groups: list[Group] = []
    for result in results:
        if result.id not in by_id:
            continue
        here = by_id[result.id]
        taken = [group for group in groups if group.region and result.id not in _ids(group)]
        for group in taken:
            assert group.region
            shared = [here[pair] for pair in group.region.pairs & here.keys()]
            if len(shared) == len(group.region.pairs):
                group.own += shared
                here = {pair: each for pair, each in here.items() if pair not in group.region.pairs}
        judged = {
            (str(f.source), str(f.target))
            for f in result.findings
            if f.family is family and f.verdict in JUDGED and f.source and f.target
        }
        for region in regions(here, judged):
            first, *rest = [here[pair] for pair in sorted(region.pairs)]
            group = Group(first, family=family, region=region)
            group.own += rest
            groups.append(group)
    for group in groups:
        group.sentence = of_region(group.own, group.region, family, _everything(group, results))
    return groups


def _everything(group: Group, results: Iterable[Judged]) -> bool:
    """Return whether nothing of the topic's traffic is known to pass: then it is all of the family."""
    assert group.region
    kinds = {each.traffic for each in group.own}
    if len(kinds) < 2:
        return False
    others = [r for r in results if r.topic == group.first.of.topic and r.id not in _ids(group)]
    return not any(
        finding.verdict is Verdict.CONFORMS
        for result in others
        for finding in result.findings
        if finding.family is group.family and (finding.source, finding.target) in group.region.pairs
    )


def _protocol(broken: Broken) -> str:
    """Return the first word of its traffic."""
    return broken.traffic.partition(" ")[0]


def _ids(group: Group) -> set[str]:
    return {each.of.id for each in group.own}


def _follows(broken: Broken, groups: Iterable[Group]) -> bool:
    """Count a finding with the first group that explains it, if one does."""
    for group in groups:
        if group.explains(broken):
            group.follows.append(broken)
            return True
    return False


def _folded(groups: Sequence[Group]) -> list[Group]:
    """Return the groups; those that lie around what an earlier one is about are counted there."""
    kept: list[Group] = []
    for group in sorted(groups, key=lambda each: each.first.rank):
        root = next((each for each in kept if _centre(group) and _is_root(each, group)), None)
        if root is None:
            kept.append(group)
        else:
            root.follows += [*group.own, *group.follows]
    return kept


def _centre(group: Group) -> set[str]:
    """Return the nodes that all of a group's findings have in common as an end."""
    ends = [{e.finding.source, e.finding.target, e.finding.subject} - {None} for e in group.own]
    return {str(each) for each in set.intersection(*map(set, ends))} if ends else set()


def _is_root(root: Group, group: Group) -> bool:
    if (
        root.region is not None
        or root.family not in (None, group.family)
        or root.first.rank >= group.first.rank
    ):
        return False
    if root.first.of.level is Level.INFO:
        return False
    nodes = {str(each.finding.target or each.finding.subject) for each in root.own}
    return bool(nodes & _centre(group))
