"""Which pairs of nodes are probed: all of them in a small cluster, a stated bound in a large one."""

from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest

FULL_MESH_UP_TO = 10
PEERS_IN_LARGE_CLUSTERS = 3
EVERY_PEER = 1 << 30

Pair = tuple[str, str]


def pairs(
    nodes: tuple[str, ...], zones: Mapping[str, str] | None = None, peers: int | None = None
) -> tuple[Pair, ...]:
    """(source, target) pairs, each node with itself included: that is the path inside one node.

    All pairs up to FULL_MESH_UP_TO nodes, and with EVERY_PEER. Beyond, or with `peers`, every node is
    source of that many pairs across nodes (PEERS_IN_LARGE_CLUSTERS by default) and target of as many; and
    every zone reaches every other, and itself across nodes, in each direction. Nodes stand in a circle in
    which zones take turns; strides are spread evenly, so that near and far neighbours are among them.
    """
    count, zones = len(nodes), zones or {}
    if peers is None:
        peers = EVERY_PEER if count <= FULL_MESH_UP_TO else PEERS_IN_LARGE_CLUSTERS
    peers = min(peers, count - 1)
    circle = _in_turns(nodes, zones)
    strides = [0, *(1 + index * (count - 1) // peers for index in range(peers))]
    found = {(circle[at], circle[(at + stride) % count]) for at in range(count) for stride in strides}
    found |= _crossings(circle, zones, found)
    place = {name: at for at, name in enumerate(nodes)}
    return tuple(sorted(found, key=lambda pair: (place[pair[0]], place[pair[1]])))


def _in_turns(nodes: tuple[str, ...], zones: Mapping[str, str]) -> list[str]:
    """Return the nodes with their zones taking turns."""
    by_zone: dict[str, list[str]] = {}
    for node in nodes:
        by_zone.setdefault(zones.get(node, ""), []).append(node)
    return [node for turn in zip_longest(*by_zone.values()) for node in turn if node is not None]


def _crossings(circle: list[str], zones: Mapping[str, str], found: set[Pair]) -> set[Pair]:
    """Return a pair for each way between zones that none goes yet, from and to the least used nodes."""
    by_zone: dict[str, list[str]] = {}
    for node in circle:
        by_zone.setdefault(zones.get(node, ""), []).append(node)
    crossed = {(zones.get(a, ""), zones.get(b, "")) for a, b in found if a != b}
    used = Counter(end for pair in found for end in pair)
    added: set[Pair] = set()
    for one, sources in by_zone.items():
        for other, targets in by_zone.items():
            if (one, other) in crossed or (one == other and len(sources) < 2):
                continue
            source = min(sources, key=lambda name: used[name])
            target = min((each for each in targets if each != source), key=lambda name: used[name])
            added.add((source, target))
            used.update((source, target))
    return added
