"""Probe: ask targets from sources, round after round, until they answer or fall silent, within a bound."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from dualstack.family import Family
from dualstack.probes import rounds
from dualstack.probes.kind import Kind
from dualstack.probes.observation import RUNNER, Observation
from dualstack.probes.prober import Place
from dualstack.probes.rounds import LEAST_ROUNDS, Tally, Target
from dualstack.probes.script import ROUND_SECONDS
from dualstack.scenario import policies
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.policies import LIST_POLICIES
from dualstack.scenario.seen import Paths, PodSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import EXEC, LIST_PODS, Needs, Step
from dualstack.scenario.targets import Targets

PathKey = tuple[str, str, str, Family]
Milestone = tuple[str, str]
"""(phase, line): the line is printed with {reached} and {paths} filled in."""


class Probe(Step[Paths]):
    """Ask each target by each kind of request, from every node's client pod unless said otherwise."""

    result = Paths

    def __init__(
        self,
        *kinds: Kind,
        to: Targets,
        source: str = CLIENT,
        everywhere: bool = True,
        bound: str | None = None,
        after: float = 0.0,
        until_silent: bool = False,
        keep_flows: bool = False,
        control: "Probe | None" = None,
        direct: Step[Paths] | None = None,
        tries: int | None = None,
        together: bool = False,
        milestone: Milestone | None = None,
    ) -> None:
        """Declare a probe.

        `source`: the role of the pods to ask from, or RUNNER. `everywhere=False`: from one of them.
        `bound`: the name of the profile's time-out until convergence, instead of that of these targets.
        `after`: seconds since the previous step and the control, where asking at once would meet what is
        about to change.
        `until_silent`: wait until nothing answers. `keep_flows`: UDP keeps its source ports, come what may.
        `control`: an earlier probe of the same paths; one that did not answer then is not asked again.
        `direct`: direct paths to the same servers; a path whose missing backends do not answer directly
        either is given up early. Neither does its bound begin nor any try count before they are known, since
        a container is ready a moment before its server listens (on slow nodes, many seconds).
        `tries`: how many count once a path has answered, if not as many as `Site.tries` allows.
        `together`: where no path of a family ever answers, none is waited for.
        """
        self.kinds, self.to, self.source, self.everywhere = kinds, to, source, everywhere
        self.after, self.control = after, control
        self.bound, self.until_silent, self.keep_flows = bound, until_silent, keep_flows
        self.direct, self.tries, self.milestone = direct, 0 if until_silent else tries, milestone
        self.together = together

    @property
    def objects(self) -> tuple[str, ...]:
        """The targets' objects."""
        return self.to.objects

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The direct paths, the control, and what targets are found by."""
        return (*(each for each in (self.direct, self.control) if each), *self.to.rests_on)

    def needs(self, site: Site) -> Needs:
        """Need execs in the sources, and as many requests as there are targets."""
        nodes = () if self.source == RUNNER else site.nodes if self.everywhere else site.nodes[:1]
        requests = Counter(
            {each.name: self.to.count(site, each, self.scenario, len(nodes)) for each in self.kinds}
        )
        tries = Counter(
            {each.name: self._tries(site, each) * self._paths(site, len(nodes)) for each in self.kinds}
        )
        bound = getattr(site.profile.timeouts, self.bound or self.to.bound)
        return Needs(
            permissions=(*LIST_POLICIES, LIST_PODS, *EXEC) if nodes else LIST_POLICIES,
            places=frozenset(Place(self.source, node) for node in nodes),
            requests=+requests,
            tries=+tries,
            seconds=self.after
            + (0 if self.control else site.profile.timeouts.pods)  # the control has waited for them
            + max(bound + ROUND_SECONDS, LEAST_ROUNDS * ROUND_SECONDS),
        )

    def run(self, stage: Stage) -> Paths:
        """Return what each path did. Raises NotSeen, ApiError, Stopped."""
        dead = self._dead(stage)
        begun = time.monotonic()
        clients = self._clients(stage)
        stage.pause(max(0.0, begun + self.after - time.monotonic()))
        aims = [
            each
            for kind in self.kinds
            for each in self.to.resolve(stage, kind, self.scenario, clients, silent=self.until_silent)
        ]
        aims = [_unless_dead(each, dead) for each in aims]
        tallies = [
            Tally(
                each,
                until_silent=self.until_silent,
                tries=self._tries(stage.site, each.kind),
                scenario=self.scenario.id,
                keep_flows=self.keep_flows,
                flows=stage.flows,
            )
            for each in aims
            if isinstance(each, Target)
        ]
        seen = [each for each in aims if isinstance(each, Observation)]
        start = time.monotonic()
        bound = getattr(stage.site.profile.timeouts, self.bound or self.to.bound)
        ask = stage.ask_from(self.source)
        with stage.waiting(f"paths of {self.scenario.id}", bound):
            rounds.until_done(
                tallies,
                ask,
                bound=bound,
                in_vain=self._in_vain(stage, tallies),
                may_count=self._may_count(stage),
            )
        seen += [each.observation(stage.asked_at.get(each.target.target, start)) for each in tallies]
        if not all(each.reached or each.silent for each in seen):
            stage.look_for_nodes()
        if not self.until_silent:
            seen = policies.excused(stage, seen)
        if self.milestone:
            phase, line = self.milestone
            done = sum(each.reached or each.silent for each in seen)
            stage.milestone(phase, line.format(reached=done, paths=len(seen)))
        return Paths(observations=tuple(seen))

    def _clients(self, stage: Stage) -> dict[str, PodSeen]:
        if self.source == RUNNER:
            return {}
        clients = stage.pods.running([self.source]).of(self.source)
        if self.everywhere:
            return clients
        running = [node for node, pod in clients.items() if pod.running]
        return {node: clients[node] for node in running[:1]}

    def _dead(self, stage: Stage) -> dict[PathKey, Observation]:
        """Return the paths that did not answer the control."""
        before = stage.board.wait(self.control).observations if self.control else ()
        return {
            (each.kind, each.source, each.target, each.family): each for each in before if not each.reached
        }

    def _in_vain(self, stage: Stage, tallies: list[Tally]) -> Callable[[Tally], bool]:
        in_vain = _all_alike(tallies) if self.together else _cut_off(stage, self.direct)
        return lambda tally: (
            in_vain(tally) or not stage.departed().isdisjoint({tally.target.source, tally.target.target})
        )

    def _paths(self, site: Site, sources: int) -> int:
        return self.to.paths(site, self.scenario, sources)

    def _tries(self, site: Site, kind: Kind) -> int:
        """Return how many tries of a path count."""
        if self.tries is not None:
            return self.tries
        sources = len(site.nodes) if self.everywhere and self.source != RUNNER else 1
        return site.tries(self._paths(site, sources) / max(1, sources), processes=kind.processes)

    def _may_count(self, stage: Stage) -> Callable[[], bool]:
        direct = self.direct
        return (lambda: stage.board.known(direct)) if direct else (lambda: True)


def _unless_dead(aim: Target | Observation, dead: dict[PathKey, Observation]) -> Target | Observation:
    """Return the aim, or an observation of why it is not asked."""
    if isinstance(aim, Observation):
        return aim
    before = dead.get((aim.kind.name, aim.source, aim.target, aim.family))
    if before is None:
        return aim
    return Observation(
        kind=aim.kind.name, source=aim.source, target=aim.target, family=aim.family, address=aim.address,
        blocked=f"the same path did not answer before either: {before.blocked or before.error}",
    )  # fmt: skip


def _all_alike(tallies: list[Tally]) -> Callable[[Tally], bool]:
    """Return how to tell that nothing of a target's family has answered at all."""

    def in_vain(tally: Tally) -> bool:
        family = tally.target.family
        return not any(each.answers for each in tallies if each.target.family is family)

    return in_vain


def _cut_off(stage: Stage, direct: Step[Paths] | None) -> Callable[[Tally], bool]:
    """Return how to tell that no backend a path misses answers its node directly either.

    Not before direct paths have been probed to their own end.
    """
    if direct is None:
        return rounds.never
    dead: set[tuple[str, str, Family]] | None = None

    def cut_off(tally: Tally) -> bool:
        nonlocal dead
        if dead is None and (paths := stage.board.peek(direct)):
            lost = [each for each in paths.observations if not each.reached and not each.blocked]
            dead = {(each.source, each.target, each.family) for each in lost}
        if not dead or not tally.missing:
            return False
        home = stage.pods.homes()
        target = tally.target
        return dead.issuperset((target.source, home.get(name, ""), target.family) for name in tally.missing)

    return cut_off
