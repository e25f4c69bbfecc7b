"""Services on one node: what breaks there has one cause.

Where neither what its pods call nor its own ports work, what implements Services there (kube-proxy, or what
does its work) has stopped, or does not know a family. Where different calls from its pods break by one
protocol, or different calls to its ports, something on their way does not let them through.
"""

from collections import defaultdict
from collections.abc import Sequence

from dualstack.diagnosis import policies
from dualstack.diagnosis.group import RUNNER, Group

OTHERS = (policies.TOPIC, "egress")  # their paths do not lead to Services alone


def merged(groups: Sequence[Group], base: int) -> list[Group]:
    """Return the groups, with one for each node where Services break in more ways than one.

    `base`: the rank of the first topic that is about Services.
    """
    of_services = [
        each
        for each in groups
        if each.first.rank >= base and each.first.of.topic not in OTHERS and each.family and each.centre
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
            said = f"{' and '.join(families)} Services on {node}: those that it calls, and its own ports"
            kept = _as_one(parts, said, kept)
            continue
        alike: defaultdict[str, list[Group]] = defaultdict(list)
        for each in here:
            for is_of, words in WAYS.items():
                if each.protocols in ({"TCP"}, {"UDP"}) and is_of(each, node):
                    alike[f"{each.family} {min(each.protocols)} {words.format(node=node)}"].append(each)
        for said, parts in alike.items():
            if len(parts) > 1:
                kept = _as_one(parts, said, kept)
    return kept


def _as_one(parts: Sequence[Group], sentence: str, groups: Sequence[Group]) -> list[Group]:
    """Return the groups with the parts as one, which is said so."""
    root, *others = parts
    for other in others:
        root.take_over(other)
    root.sentence = sentence
    return [each for each in groups if each not in others]


def _calls(group: Group, node: str) -> bool:
    """Return whether all of a group are calls from the node to something that is no node's."""
    return all(
        each.finding.source == node and each.finding.target not in (None, node, RUNNER) for each in group.own
    )


def _is_called(group: Group, node: str) -> bool:
    """Return whether all of a group are calls to the node, its own ones among them."""
    return all(each.finding.target == node and each.finding.source is not None for each in group.own)


WAYS = {_calls: "to Services from {node}", _is_called: "at {node}'s own ports"}
