"""Regions of a mesh of paths: the few shapes that a set of broken paths is made of.

A shape counts only if every path of it that was judged is broken, so a region never claims a path that works.
The largest shape is taken first, then the largest among what is left.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

Pair = tuple[str, str]
"""(source, target)."""
REGIONS_AT_MOST = 12  # more shapes than that are no explanation


class Shape(Enum):
    """How paths lie in a mesh, the widest first."""

    EVERYWHERE = "everywhere"
    ACROSS = "across"
    """All between different nodes."""
    WITHIN = "within"
    """All from a node to itself."""
    AROUND = "around"
    """All to and from one node."""
    FROM = "from"
    TO = "to"
    BETWEEN = "between"
    """Both ways between two nodes."""
    ONE = "one"
    SOME = "some"
    """What is left when there are too many shapes."""


class Region(NamedTuple):
    """A shape, where it lies, and its broken paths."""

    shape: Shape
    names: tuple[str, ...]
    """The node that AROUND, FROM and TO are about; the two ends of BETWEEN and ONE."""
    pairs: frozenset[Pair]

    def touches(self, name: str | None) -> bool:
        """Return whether a node is an end of one of its paths."""
        return any(name in pair for pair in self.pairs)


def regions(broken: Iterable[Pair], judged: Iterable[Pair]) -> list[Region]:
    """Return the regions that cover all broken paths, each path in one of them."""
    left, fine = set(broken), set(judged)
    fine -= left
    everything = list(_pure(frozenset(left), fine))
    found: list[Region] = []
    while left and len(found) < REGIONS_AT_MOST:
        best = max(everything, key=lambda each: len(each.pairs & left), default=None)
        if best is None or len(best.pairs & left) < 2:
            break
        found.append(best._replace(pairs=frozenset(best.pairs & left)))
        left -= best.pairs
    ones = [Region(Shape.ONE, pair, frozenset([pair])) for pair in sorted(left)]
    if len(found) + len(ones) <= REGIONS_AT_MOST:
        return found + ones
    return [*found, Region(Shape.SOME, (), frozenset(left))]


def _pure(broken: frozenset[Pair], fine: set[Pair]) -> Iterator[Region]:
    """Yield shapes of two and more broken paths without a path that works, the widest first."""
    if broken and not _at_one_node(broken | fine):
        for shape, belongs in (
            (Shape.EVERYWHERE, lambda pair: True),
            (Shape.ACROSS, lambda pair: pair[0] != pair[1]),
            (Shape.WITHIN, lambda pair: pair[0] == pair[1]),
        ):
            pairs = frozenset(filter(belongs, broken))
            if len(pairs) > 1 and not any(map(belongs, fine)):
                yield Region(shape, (), pairs)
    bad, good = _by_end(broken), _by_end(fine)
    for name in sorted({end for pair in broken for end in pair}):
        to, out = bad["to", name], bad["from", name]
        if len(to) > 1 and len(out) > 1 and not (good["to", name] | good["from", name]):
            yield Region(Shape.AROUND, (name,), to | out | bad["own", name])
        if len(out) > 1 and not good["from", name]:
            yield Region(Shape.FROM, (name,), out | bad["own", name])
        if len(to) > 1 and not good["to", name]:
            yield Region(Shape.TO, (name,), to | bad["own", name])
    for source, target in sorted(broken):
        if source < target and (target, source) in broken:
            yield Region(Shape.BETWEEN, (source, target), frozenset([(source, target), (target, source)]))


def _at_one_node(pairs: Iterable[Pair]) -> bool:
    """Return whether all lead to one node, which is a source as well: then they say nothing of the others."""
    sources, targets = (set(ends) for ends in zip(*pairs, strict=True))
    return len(targets) == 1 and targets < sources


def _by_end(pairs: Iterable[Pair]) -> defaultdict[tuple[str, str], frozenset[Pair]]:
    """Return the paths by their ends; those from a node to itself apart."""
    found: defaultdict[tuple[str, str], set[Pair]] = defaultdict(set)
    for source, target in pairs:
        if source == target:
            found["own", source].add((source, target))
        else:
            found["from", source].add((source, target))
            found["to", target].add((source, target))
    return defaultdict(frozenset, {key: frozenset(each) for key, each in found.items()})
