"""Group what breaks by what it shares, and say each group once.

1. Findings about one node or one object (no path): one cause for all subjects that say the same.
2. Paths between nodes: behaviour by behaviour in the order of topics, the broken ones are cut into regions
   (regions.py); behaviours of one topic that break in a whole region share it.
3. Paths to Services: the same, sources by Services.
What is broken at a later topic on the same nodes, in the same family and by the same protocol, follows from
a cause that is wide (a whole protocol, or all of one kind of traffic) and is counted there. So does a region
that lies around a node with a cause of its own. What breaks of Services on one node is one (services.py),
and what breaks of policies follows from what they break everywhere (policies.py).
Nothing here looks at evidence: a cause is as sure as the findings, and names no more than they share.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from dualstack.diagnosis import policies, services
from dualstack.diagnosis.group import RUNNER, Group
from dualstack.diagnosis.model import Broken, Cause, Judged
from dualstack.diagnosis.regions import Pair, regions
from dualstack.diagnosis.sentence import of_region, of_subject
from dualstack.family import FAMILIES, Family
from dualstack.verdict.words import Verdict

SERVICES = "services"  # the first topic that is not about nodes and pods alone
JUDGED = (Verdict.BREAKS, Verdict.CONFORMS, Verdict.WAIVED)


def causes(results: Sequence[Judged], topics: Sequence[str]) -> list[Cause]:
    """Return the causes of all that breaks, those of the earliest topic first; each finding is in one.

    `topics`: in the order in which they rest on each other.
    """
    ranks = {topic: rank for rank, topic in enumerate(topics)}
    paths: list[Broken] = []
    others: list[Broken] = []
    for result in results:
        rank = ranks.get(result.topic, len(ranks))
        for finding in result.findings:
            if finding.verdict is Verdict.BREAKS:
                on_path = finding.source and finding.target and finding.family
                (paths if on_path else others).append(Broken(result, rank, finding))
    known = _Known(base=ranks.get(SERVICES, len(ranks)))
    known.add(_by_subject(others))
    for rank in sorted({each.rank for each in paths}):
        of_topic = [each for each in paths if each.rank == rank and not known.counts(each)]
        for family in FAMILIES:
            of_family = [each for each in of_topic if each.finding.family is family]
            known.add(_by_region(of_family, family, results))
    groups = policies.folded(services.merged(known.folded(), known.base))
    groups.sort(key=lambda each: (each.first.rank, -len(each.own) - len(each.follows)))
    return [each.cause() for each in groups]


class _Known:
    """The groups found so far, by the names that they are about."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.groups: list[Group] = []
        self._about: defaultdict[str, list[Group]] = defaultdict(list)

    def add(self, groups: Iterable[Group]) -> None:
        for group in groups:
            self.groups.append(group)
            for name in group.nodes:
                self._about[name].append(group)

    def counts(self, broken: Broken) -> bool:
        """Count a finding with the first group that explains it, if one does."""
        finding = broken.finding
        near = self.groups if finding.source == RUNNER else self._near(finding.source, finding.target)
        root = next((each for each in near if each.explains(broken, base=self.base)), None)
        if root is not None:
            root.follows.append(broken)
        return root is not None

    def folded(self) -> list[Group]:
        """Return the groups; those that lie around what an earlier one is about are counted there."""
        kept = []
        for group in self.groups:
            root = next((each for each in self._near(*(group.centre or ())) if each.is_root_of(group)), None)
            if root is None:
                kept.append(group)
            else:
                root.follows += [*group.own, *group.follows]
        return kept

    def _near(self, *names: str | None) -> list[Group]:
        return [group for name in names if name for group in self._about.get(name, ())]


def _by_subject(broken: Iterable[Broken]) -> list[Group]:
    """Return a group for each behaviour, family and cause."""
    found: dict[tuple[str, Family | None, str], Group] = {}
    for each in broken:
        key = (each.of.id, each.finding.family, each.finding.cause or "")
        if key in found:
            found[key].add(each)
        else:
            found[key] = Group(each, family=each.finding.family)
    for group in found.values():
        group.sentence = of_subject(group.own)
    return list(found.values())


def _by_region(broken: Iterable[Broken], family: Family, results: Sequence[Judged]) -> list[Group]:
    """Return the groups of one topic's paths: traffic that breaks in the same region is one."""
    by_id: defaultdict[str, defaultdict[Pair, list[Broken]]] = defaultdict(lambda: defaultdict(list))
    for each in broken:
        by_id[each.of.id][each.pair].append(each)
    groups: list[Group] = []
    for result in results:
        if result.id in by_id:
            here = dict(by_id[result.id])
            for group in groups:
                _share(group, here)
            groups += _cut(here, result, family)
    for group in groups:
        everything = _everything(group, results)
        group.is_wide = everything or any(each.of.traffic == each.protocol for each in group.own)
        group.sentence = of_region(group.own, group.region, family, everything=everything)
    return groups


def _share(group: Group, here: dict[Pair, list[Broken]]) -> None:
    """Move another behaviour's findings into a group whose whole region they cover."""
    if group.region and group.region.pairs <= here.keys():
        for pair in sorted(group.region.pairs):
            for each in here.pop(pair):
                group.add(each)


def _cut(here: dict[Pair, list[Broken]], result: Judged, family: Family) -> list[Group]:
    """Return a group for each region of a behaviour's broken paths."""
    judged = {
        (str(each.source), str(each.target))
        for each in result.findings
        if each.family is family and each.verdict in JUDGED and each.source and each.target
    }
    groups = []
    for region in regions(here, judged):
        first, *rest = [each for pair in sorted(region.pairs) for each in here[pair]]
        group = Group(first, family=family, region=region)
        for each in rest:
            group.add(each)
        groups.append(group)
    return groups


def _everything(group: Group, results: Iterable[Judged]) -> bool:
    """Return whether nothing of the topic's traffic is known to pass: then it is all of the family.

    Protocols must differ and what they carry must not: large TCP and fragmented UDP are not everything.
    """
    traffic = {each.of.traffic for each in group.own}
    if len(traffic) < 2 or len({each.partition(" ")[2] for each in traffic}) > 1 or group.region is None:
        return False
    ids = {each.of.id for each in group.own}
    others = [each for each in results if each.topic == group.first.of.topic and each.id not in ids]
    return not any(
        finding.verdict is Verdict.CONFORMS
        for result in others
        for finding in result.findings
        if finding.family is group.family and (finding.source, finding.target) in group.region.pairs
    )
