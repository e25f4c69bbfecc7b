"""The plan: what will be created, probed and asked, known in full before anything is touched.

It is the sum of what the steps of the selected scenarios need, and nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from dualstack.cluster.ownership import KINDS
from dualstack.cluster.permissions import Permission
from dualstack.errors import UserError
from dualstack.profile.model import Profile
from dualstack.scenario import manifests
from dualstack.scenario.manifests import Object, name_of
from dualstack.scenario.pairs import pairs
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.site import PlannedPod, Site
from dualstack.scenario.step import Needs
from dualstack.survey.model import Survey

CREATION_SECONDS, REMOVAL_SECONDS, SLACK_SECONDS = 45.0, 60.0, 120.0
NAMESPACE = (
    Permission("get", "", "namespaces"),
    Permission("list", "", "namespaces"),
    Permission("create", "", "namespaces"),
    Permission("delete", "", "namespaces"),
)
Kind = type[Scenario]


@dataclass(frozen=True)
class Plan:
    """Immutable; `creates_nothing` for a run that may only read."""

    site: Site
    scenarios: tuple[Kind, ...]
    """Those that are played."""
    left_out: dict[Kind, str]
    """Those that are not, and why."""
    creates_nothing: str | None = None
    """Why this run creates nothing, if so."""

    @property
    def manifests(self) -> tuple[str, ...]:
        """The manifests whose objects are created once, each once."""
        return tuple(dict.fromkeys(chain.from_iterable(each.manifests for each in self.scenarios)))

    @property
    def pods(self) -> list[PlannedPod]:
        """The pods that are put on every node."""
        return self.site.pods(dict.fromkeys(chain.from_iterable(e.on_every_node for e in self.scenarios)))

    def objects(self) -> list[Object]:
        """Return the bodies to create, before the namespace and the run's labels are put on.

        Services first, since their rules take the longest.
        """
        once = self.site.objects(self.manifests)
        once.sort(key=lambda body: body["kind"] != "Service")
        bodies = once + [self.site.pod(pod) for pod in self.pods]
        for body in bodies:
            manifests.end_after(body, self.lifetime)
        return bodies

    def needs(self) -> list[Needs]:
        """Return what each step needs."""
        return [step.needs(self.site) for scenario in self.scenarios for step in scenario.steps]

    def cost(self) -> dict[str, int | str]:
        """Return what a run takes of the cluster: objects, and a first round's execs and requests."""
        bodies, needs = self.objects(), self.needs()
        kinds = Counter(body["kind"] for body in bodies)
        requests = sum((each.requests for each in needs), Counter[str]())
        tries = sum((each.tries for each in needs), Counter[str]())
        places = frozenset[Any]().union(*(each.places for each in needs))
        asked = sum(len(each.places) for each in needs)
        return {
            "namespaces": 0 if self.creates_nothing else 1,
            **{KINDS[kind][1]: number for kind, number in sorted(kinds.items())},
            "load balancers": sum(b["spec"].get("type") == "LoadBalancer" for b in bodies),
            "execs in a first round": f"{len(places)} to {asked}" if asked > len(places) else asked,
            **{f"{kind} requests in a first round": count for kind, count in sorted(requests.items())},
            **{f"{kind} tries that count": count for kind, count in sorted(tries.items())},
            "seconds at most": round(self.seconds()),
        }

    @property
    def lifetime(self) -> int:
        """After how many seconds the pods end by themselves: no run takes so long."""
        return round(self.seconds() + SLACK_SECONDS)

    def reachable(self) -> list[str]:
        """Return what will be reachable from outside the cluster: by the Services' ports."""
        return [
            f"{name_of(body)} ({', '.join(str(port['port']) for port in body['spec']['ports'])})"
            for body in self.objects()
            if body["spec"].get("type") == "LoadBalancer"
        ]

    def seconds(self) -> float:
        """Return the bound of the whole run: creation, the longest scenario, removal."""
        if self.creates_nothing:
            return 0.0
        longest = max((self._seconds(each) for each in self.scenarios), default=0.0)
        return CREATION_SECONDS + longest + REMOVAL_SECONDS

    def permissions(self) -> list[Permission]:
        """Return what the plan needs besides reading the cluster, each once."""
        if self.creates_nothing:
            return []
        bodies = self.objects()
        needed = [*NAMESPACE, *chain.from_iterable(each.permissions for each in self.needs())]
        for kind in dict.fromkeys(body["kind"] for body in bodies):
            needed.append(_permission("create", kind))
            if kind == "Pod":
                needed.append(_permission("deletecollection", kind))
            if kind == "Service":
                needed.append(_permission("delete", kind))
        return sorted(set(needed), key=lambda each: (each.group, each.what, each.verb))

    def _seconds(self, scenario: Kind) -> float:
        """Return a scenario's bound: its own steps one after the other, and those that they wait for."""
        own = sum(step.needs(self.site).seconds for step in scenario.steps)
        return own + max((self._seconds(each) for each in scenario.rests_on()), default=0.0)


def _permission(verb: str, kind: str) -> Permission:
    api_version, plural = KINDS[kind]
    return Permission(verb, api_version.rpartition("/")[0], plural)


def make_site(survey: Survey, profile: Profile, *, image: str | None, peers: int | None) -> Site:
    """Return the site for a surveyed cluster under a profile."""
    nodes = tuple(node.name for node in survey.nodes if node.os != "windows")
    left_out = {node.name: "probe pods are for Linux" for node in survey.nodes if node.os == "windows"}
    return Site(
        release=survey.release,
        profile=profile,
        image=image,
        nodes=nodes,
        ready=tuple(name for name in nodes if survey.node(name).ready) or nodes,
        left_out=left_out,
        pairs=pairs(nodes, peers) if nodes else (),
    )


def make_plan(survey: Survey, site: Site, needed: Iterable[Kind], *, idle: str | None) -> Plan:
    """Return the plan for the scenarios that the selected behaviours need, with those that they rest on.

    `idle` says why nothing may be created, if so. Raises UserError with one line for scenarios that do not
    fit together.
    """
    scenarios = _closure(needed)
    check(scenarios, site)
    if not site.nodes:
        idle = idle or survey.missing.get("nodes", "the cluster has no node to put a probe pod on")
    if survey.not_dual:
        idle = idle or f"this is not a dual-stack cluster: {survey.not_dual}"
    if not scenarios:
        idle = idle or "what was selected needs nothing but reading"
    left_out: dict[Kind, str] = {}
    for scenario in scenarios:
        if (reason := idle and f"this run creates nothing: {idle}") or (
            reason := scenario.left_out(survey, site.profile)
        ):
            left_out[scenario] = reason
    played = tuple(each for each in scenarios if each not in left_out)
    return Plan(site, played, left_out, creates_nothing=idle)


def check(scenarios: Sequence[Kind], site: Site) -> None:
    """Raise UserError where two scenarios have one id, or a step names or changes what is not its own."""
    ids = Counter(each.id for each in scenarios)
    for scenario in scenarios:
        if ids[scenario.id] > 1:
            raise UserError(f"two scenarios have the id {scenario.id}: rename one of them")
        own = {name_of(body) for body in site.objects(scenario.manifests)}
        for step in scenario.steps:
            for name in (*step.objects, *step.changes):
                if name not in own:
                    where = ", ".join(f"manifests/{each}.yaml" for each in scenario.manifests) or "a manifest"
                    raise UserError(f"scenario step {step.key} names {name}, which is not in {where}")
            for name in step.changes:
                for other in _others_with(name, scenario, scenarios, site):
                    raise UserError(
                        f"scenario step {step.key} changes {name}, which scenario {other.id} uses too: "
                        "give it an object of its own"
                    )


def _others_with(name: str, own: Kind, scenarios: Iterable[Kind], site: Site) -> Iterator[Kind]:
    for other in scenarios:
        if other is not own and name in {name_of(body) for body in site.objects(other.manifests)}:
            yield other


def _closure(needed: Iterable[Kind]) -> list[Kind]:
    """Return the scenarios with all that they rest on, each once, those that others rest on first."""
    found: dict[Kind, None] = {}

    def add(scenario: Kind) -> None:
        for other in scenario.rests_on():
            add(other)
        found.setdefault(scenario)

    for scenario in needed:
        add(scenario)
    return list(found)
