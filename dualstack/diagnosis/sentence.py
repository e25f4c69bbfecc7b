"""The sentences: what is wrong, and where."""

from collections.abc import Sequence

from dualstack.diagnosis.model import Broken
from dualstack.diagnosis.regions import Region, Shape
from dualstack.family import Family

NAMES_AT_MOST = 4


def of_subject(broken: Sequence[Broken]) -> str:
    """Return the sentence of findings about nodes or objects that have one cause."""
    subjects = list(dict.fromkeys(each.finding.subject for each in broken))
    family = broken[0].finding.family
    return f"{_names(subjects)}{f' ({family})' if family else ''}: {broken[0].finding.cause}"


def of_region(broken: Sequence[Broken], region: Region | None, family: Family, *, everything: bool) -> str:
    """Return the sentence of broken paths in a region; `everything`: no traffic of the family passes."""
    assert region
    kinds = list(dict.fromkeys(each.of.traffic or each.of.id for each in broken))
    protocols, carried = zip(*(each.partition(" ")[::2] for each in kinds), strict=True)
    what = f"{family} {' and '.join(kinds)}"
    if len(set(carried)) == 1:
        what = f"All {family}" if everything else f"{family} {' and '.join(protocols)}"
        what = f"{what} {carried[0]}".strip()
    return f"{what} {_where(region)}"


def _where(region: Region) -> str:
    names = region.names
    sources = sorted({source for source, _ in region.pairs})
    targets = sorted({target for _, target in region.pairs})
    match region.shape:
        case Shape.EVERYWHERE:
            return "everywhere"
        case Shape.ACROSS:
            return "between different nodes"
        case Shape.WITHIN:
            return "within every node"
        case Shape.AROUND:
            return f"to and from {names[0]}"
        case Shape.FROM:
            return f"from {names[0]} to {_names(targets)}"
        case Shape.TO:
            return f"to {names[0]} from {_names(sources)}"
        case Shape.BETWEEN:
            return f"between {names[0]} and {names[1]}, both ways"
        case Shape.ONE:
            return f"within {names[0]}" if names[0] == names[1] else f"from {names[0]} to {names[1]}"
    return f"on {len(region.pairs)} paths from {_names(sources)}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - NAMES_AT_MOST
    return ", ".join(names[:NAMES_AT_MOST]) + (f" and {more} more" if more > 0 else "")
