"""Services on one node: where neither what its pods call nor its own ports work, that is one cause.

What implements Services there (kube-proxy, or what does its work) has stopped, or does not know a family.
"""

from collections.abc import Sequence

from dualstack.diagnosis.group import RUNNER, Group

POLICIES = "network-policies"  # their paths lead to pods and Services alike, and another program decides


def merged(groups: Sequence[Group], base: int) -> list[Group]:
    """Return the groups, with one for each node on which Services called from it and at it break.

    `base`: the rank of the first topic that is about Services. Both must break in one family.
    """
    of_services = [
        each
        for each in groups
        if each.first.rank >= base and each.first.of.topic != POLICIES and each.family and each.centre
    ]
    kept = list(groups)
    for node in sorted({name for each in of_services for name in each.centre or ()} - {RUNNER}):
        here = [each for each in kept if each in of_services and node in (each.centre or ())]
        families = sorted(
            {each.family for each in here if each.family and _calls(each, node)}
            & {each.family for each in here if each.family and _is_called(each, node)}
        )
        parts = [each for each in here if each.family in families]
        if len(parts) > 1:
            root = parts[0]
            for other in parts[1:]:
                root.take_over(other)
            root.sentence = (
                f"{' and '.join(families)} Services on {node}: those that it calls, and its own ports"
            )
            kept = [each for each in kept if each is root or each not in parts]
    return kept


def _calls(group: Group, node: str) -> bool:
    """Return whether all of a group are calls from the node to something that is no node's."""
    return all(
        each.finding.source == node and each.finding.target not in (None, node, RUNNER) for each in group.own
    )


def _is_called(group: Group, node: str) -> bool:
    """Return whether all of a group are calls to the node."""
    return all(each.finding.target == node and each.finding.source not in (None, node) for each in group.own)
