"""Ask name servers questions from pods, again and again until the answers are as they should be.

A question goes to each of a node's name servers, in one exec a node and round. Answers are compared as sets.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple

from dualstack.family import Family, is_address
from dualstack.probes.dig import complaint, read_dig
from dualstack.probes.prober import Place
from dualstack.probes.rounds import LEAST_ROUNDS, Blocked
from dualstack.probes.script import ROUND_SECONDS, Answers, Request
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.name_servers import ClusterDns, Resolver
from dualstack.scenario.seen import NodeSeen, PerNode, Seen
from dualstack.scenario.site import PROCESSES_AT_ONCE, Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import EXEC, LIST_PODS, Needs, Step

RECORD = {Family.V4: "A", Family.V6: "AAAA"}
DIG = "names"  # the request's id
PAUSE_SECONDS = 1.0
NO_ERROR = "NOERROR"
QUESTIONS_OF_A_PROCESS = 6  # as probe.sh has it


class Question(NamedTuple):
    """A name, or an address, and what should be answered."""

    subject: str
    """What it is about: a Service, or a name outside."""
    name: str
    """Relative to `svc.DOMAIN`, unless it ends with a dot; for PTR an address."""
    record: str
    """A, AAAA or PTR."""
    expected: frozenset[str] | None
    """Addresses, or names of which one must be there; None where any address will do."""


class Reply(Seen):
    """What one server said to one question, in the last round."""

    subject: str
    name: str
    """As it was asked."""
    record: str
    server: str
    expected: tuple[str, ...] | None
    status: str | None = None
    """The response code: NOERROR, NXDOMAIN, SERVFAIL … None without an answer."""
    values: tuple[str, ...] = ()
    milliseconds: float | None = None
    error: str | None = None
    """Why there is no answer, in dig's words."""
    tries: int = 1
    """So many times it is asked at once."""
    came: int = 0
    """So many of them brought what was expected; all else here is of one that did not, if any."""

    @property
    def share(self) -> bool:
        """Whether some tries brought what was expected and some did not."""
        return 0 < self.came < self.tries

    @property
    def right(self) -> bool:
        """Whether it is what was expected: exactly these addresses, or among others one of these names."""
        if self.status != NO_ERROR:
            return False
        if self.expected is None:
            return bool(self.values)
        if self.record == "PTR":
            return not set(self.expected).isdisjoint(value.lower() for value in self.values)
        return set(map(_canonical, self.values)) == set(map(_canonical, self.expected))


class NodeReplies(NodeSeen):
    """What one node's pod was told."""

    replies: tuple[Reply, ...] = ()
    given: tuple[str, ...] = ()
    """The name servers that its pods are given."""
    unread: tuple[str, ...] = ()
    """Lines of theirs that name no address."""
    rounds: int = 0
    seconds: float = 0.0
    """Until all was as expected, or waiting ended."""

    @property
    def servers(self) -> tuple[str, ...]:
        """Whom it asked, each once."""
        return tuple(dict.fromkeys(each.server for each in self.replies))

    @property
    def answering(self) -> frozenset[str]:
        """The servers that answered anything."""
        return frozenset(each.server for each in self.replies if each.status or each.came)

    @property
    def untold(self) -> bool:
        """Whether others answer, but none of the name servers that the node's pods are given."""
        return bool(self.answering) and self.answering.isdisjoint(self.given)


class Lookup(Step[PerNode[NodeReplies]]):
    """Ask from every node's client pod, until each server answers right or the bound has passed."""

    result = PerNode[NodeReplies]

    def __init__(
        self,
        resolver: Step[PerNode[Resolver]],
        cluster: ClusterDns,
        questions: Callable[[Stage, str], list[Question]],
        *,
        services: tuple[str, ...] = (),
        tries: int = 1,
    ) -> None:
        """Declare it: `questions` makes them for a domain; `services` are those that they are about.

        `tries`: each is asked so often at once. The first round in which one of them brings what is expected
        counts: later ones might be answered by a cache.
        """
        self.resolver, self.cluster, self.questions, self.services = resolver, cluster, questions, services
        self.tries = tries

    @property
    def objects(self) -> tuple[str, ...]:
        """The Services."""
        return self.services

    def needs(self, site: Site) -> Needs:
        """Need an exec in each client pod."""
        bound = site.profile.timeouts.pods + site.profile.timeouts.names
        return Needs(
            permissions=(LIST_PODS, *EXEC),
            places=frozenset(Place(CLIENT, node) for node in site.nodes),
            requests=Counter({"dig": len(site.nodes)}),
            seconds=bound + LEAST_ROUNDS * ROUND_SECONDS,
        )

    def run(self, stage: Stage) -> PerNode[NodeReplies]:
        """Return what each node's pod was told. Raises NotSeen, ApiError, Stopped."""
        stage.pods.running(self.scenario.on_every_node)
        own = stage.board.wait(self.cluster).addresses
        nodes = stage.board.wait(self.resolver).nodes
        seen = {each.node: NodeReplies(node=each.node, trouble=each.trouble) for each in nodes}
        asked = {each.node: self._open(stage, each, own) for each in nodes if not each.trouble}
        told = {each.node: each for each in nodes}
        start, bound = time.monotonic(), stage.site.profile.timeouts.names
        ask = stage.ask_from(CLIENT)
        left, rounds = dict(asked), 0
        with stage.waiting("the cluster's DNS to answer as it should", bound):
            while left:
                rounds += 1
                futures = {node: ask(node, [request(replies)], rounds == 1) for node, replies in left.items()}
                for node, future in futures.items():
                    try:
                        replies = read(left[node], future.result())
                    except Blocked as reason:
                        seen[node] = NodeReplies(node=node, trouble=str(reason))
                        del left[node]
                        continue
                    waited = round(time.monotonic() - start, 3)
                    seen[node] = NodeReplies(
                        node=node,
                        replies=tuple(replies),
                        given=told[node].servers,
                        unread=told[node].unread,
                        rounds=rounds,
                        seconds=waited,
                    )
                    settled = all(each.right or each.share for each in replies)
                    if settled or (waited > bound and rounds >= LEAST_ROUNDS):
                        del left[node]
                    else:
                        left[node] = replies
                if left:
                    stage.pause(PAUSE_SECONDS)
        return PerNode[NodeReplies](nodes=tuple(seen.values()))

    def _open(self, stage: Stage, resolver: Resolver, own: tuple[str, ...]) -> list[Reply]:
        """Return a reply to come for each question and server."""
        servers = tuple(dict.fromkeys([*resolver.servers, *own]))
        questions = self.questions(stage, resolver.domain)
        return [
            Reply(
                subject=each.subject,
                name=_full_name(each, resolver.domain),
                record=each.record,
                server=server,
                expected=None if each.expected is None else tuple(sorted(each.expected)),
                tries=tries_at_once(self.tries, len(servers), len(questions)),
            )
            for server in servers
            for each in questions
        ]


def tries_at_once(wanted: int, servers: int, questions: int) -> int:
    """Return how many tries a pod can make at once: each is some processes for each server."""
    processes = servers * -(-questions // QUESTIONS_OF_A_PROCESS)
    return max(1, min(wanted, PROCESSES_AT_ONCE // max(1, processes)))


def _full_name(question: Question, domain: str) -> str:
    if question.record == "PTR":
        return f"{ip_address(question.name).reverse_pointer}."
    return question.name if question.name.endswith(".") else f"{question.name}.svc.{domain}."


def request(replies: list[Reply]) -> Request:
    """Return one request for all of a node's questions: each server is asked the same ones."""
    servers = [server for server, own in by_server(replies).items() for _ in range(own[0].tries)]
    questions = dict.fromkeys(f"{each.name} {each.record}" for each in replies)
    return Request("dig", DIG, " ".join([",".join(servers), *questions]))


def read(replies: list[Reply], answers: Answers) -> list[Reply]:
    """Return the replies with what was answered in this round; a share that was seen before stays."""
    found, number = [], 0
    for own in by_server(replies).values():
        tries = []
        for _ in range(own[0].tries):
            tries.append(_one_try(own, f"dig-{number}-", answers))
            number += 1
        for before, *said in zip(own, *tries, strict=True):
            wrong = [each for each in said if not each.right]
            news = (wrong or said)[0].model_copy(update={"came": len(said) - len(wrong)})
            found.append(before if before.share else news)
    return found


def by_server(replies: Iterable[Reply]) -> dict[str, list[Reply]]:
    """Return each server's replies."""
    found: dict[str, list[Reply]] = {}
    for each in replies:
        found.setdefault(each.server, []).append(each)
    return found


def _one_try(own: list[Reply], beginning: str, answers: Answers) -> list[Reply]:
    """Return one server's replies with what one try brought."""
    parts = [text for (what, id_), text in answers.files.items() if id_ == DIG and what.startswith(beginning)]
    said = {question: answer for text in parts for question, answer in read_dig(text).items()}
    trouble = next((words for text in parts if (words := complaint(text))), "the probe printed nothing")
    found = []
    for each in own:
        status, values, took = said.get((each.name.lower(), each.record), (None, (), None))
        error = None if status else f"no answer: {trouble}"
        news = {"status": status, "values": values, "milliseconds": took, "error": error}
        found.append(each.model_copy(update=news))
    return found


def _canonical(value: str) -> str:
    """Return an address in its shortest spelling; anything else as it is."""
    return str(ip_address(value)) if is_address(value) else value
