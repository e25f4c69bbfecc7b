"""NetworkPolicies: where one of their rows breaks everywhere in a family, its other rows follow from that.

One engine does all of it, so rules of a family that it does not write are missed by each row in its own way.
"""

from collections.abc import Sequence

from dualstack.diagnosis.group import Group
from dualstack.diagnosis.regions import Shape

TOPIC = "network-policies"


def folded(groups: Sequence[Group]) -> list[Group]:
    """Return the groups; those of policies in a family where one breaks everywhere are counted there."""
    kept: list[Group] = []
    for group in groups:
        root = next((each for each in kept if _is_root(each, group)), None)
        if root:
            root.follows += [*group.own, *group.follows]
        else:
            kept.append(group)
    return kept


def _is_root(group: Group, other: Group) -> bool:
    return (
        group.first.of.topic == other.first.of.topic == TOPIC
        and group.family is other.family
        and group.region is not None
        and group.region.shape is Shape.EVERYWHERE
    )
