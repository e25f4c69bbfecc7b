"""Which pairs of nodes are probed: all of them in a small cluster, a stated bound in a large one."""

FULL_MESH_UP_TO = 24
PEERS_IN_LARGE_CLUSTERS = 8


def pairs(nodes: tuple[str, ...], peers: int | None = None) -> tuple[tuple[str, str], ...]:
    """(source, target) pairs, each node with itself included: that is the path inside one node.

    With `peers` (by default all up to FULL_MESH_UP_TO nodes, else PEERS_IN_LARGE_CLUSTERS), every node is
    source of that many pairs across nodes and target of as many. The strides of the circle are spread
    evenly, so that near and far neighbours in name order, often rack order, are both among them.
    """
    count = len(nodes)
    if peers is None:
        peers = count - 1 if count <= FULL_MESH_UP_TO else PEERS_IN_LARGE_CLUSTERS
    peers = min(peers, count - 1)
    strides = [0, *(1 + index * (count - 1) // peers for index in range(peers))]
    return tuple((nodes[i], nodes[(i + stride) % count]) for i in range(count) for stride in strides)
