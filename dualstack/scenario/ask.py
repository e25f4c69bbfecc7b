"""Ask: the same requests in a role's pod on every node, each answer read by a function."""

from collections import Counter
from collections.abc import Callable

from dualstack.probes.prober import Place
from dualstack.probes.rounds import Blocked
from dualstack.probes.script import ROUND_SECONDS, Answers, Request
from dualstack.scenario.seen import Item, PerNode
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import EXEC, LIST_PODS, Needs, Step


class Ask(Step[PerNode[Item]]):
    """A node that cannot be asked has an item with the trouble, and nothing else."""

    def __init__(
        self,
        role: str,
        *requests: Request,
        item: type[Item],
        read: Callable[[str, Answers], Item],
        after: float = 0.0,
    ) -> None:
        """Declare it: `read` makes an item of (node, answers), their ids as given in the requests.

        `after`: seconds since the previous step.
        """
        self.role, self.requests, self.item, self.read = role, requests, item, read
        self.after = after
        self.result = PerNode[item]  # type: ignore[valid-type]

    def asked(self, site: Site) -> tuple[Request, ...]:
        """Return the requests for a node of this cluster."""
        return self.requests

    def needs(self, site: Site) -> Needs:
        """Need an exec in each pod of the role."""
        requests = Counter(each.word for each in self.asked(site) for _ in site.nodes)
        return Needs(
            permissions=(LIST_PODS, *EXEC),
            places=frozenset(Place(self.role, node) for node in site.nodes),
            requests=requests,
            seconds=self.after + site.profile.timeouts.pods + ROUND_SECONDS,
        )

    def run(self, stage: Stage) -> PerNode[Item]:
        """Return every node's item. Raises ApiError, Stopped."""
        stage.pause(self.after)
        ask = stage.ask_from(self.role)
        nodes = stage.pods.running([self.role]).of(self.role)
        futures = {node: ask(node, list(self.asked(stage.site)), True) for node in nodes}
        items = []
        for node, future in futures.items():
            try:
                items.append(self.read(node, future.result()))
            except Blocked as reason:
                items.append(self.item(node=node, trouble=str(reason)))
        if any(item.trouble for item in items):
            stage.look_for_nodes()
        return PerNode[self.item](nodes=tuple(items))  # type: ignore[name-defined]
