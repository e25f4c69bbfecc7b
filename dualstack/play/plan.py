"""The plan: what will be created, probed and asked, known in full before anything is touched.

It is the sum of what the steps of the selected scenarios need, and nothing else.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from dualstack.cluster.ownership import KINDS
from dualstack.cluster.permissions import Permission, within
from dualstack.errors import UserError
from dualstack.probes.prober import Place
from dualstack.profile.model import Profile
from dualstack.scenario import manifests
from dualstack.scenario.inside import Inside
from dualstack.scenario.manifests import Object, name_of
from dualstack.scenario.pairs import pairs
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.site import LeftOut, PlannedPod, Site
from dualstack.scenario.step import Step
from dualstack.survey.model import Node, Survey

CREATION_SECONDS, SLACK_SECONDS = 45.0, 120.0
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
    namespace: str | None = None
    """The namespace that the site made for it, if so."""

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

    def steps(self) -> tuple[list[Step[Any]], list[Step[Any]]]:
        """Return the steps that are played for sure, and those that an earlier one may leave unplayed."""
        sure: list[Step[Any]] = []
        rest: list[Step[Any]] = []
        for scenario in self.scenarios:
            ends = [n for n, step in enumerate(scenario.steps, 1) if step.may_end(self.site)]
            at = min(ends, default=len(scenario.steps))
            sure += scenario.steps[:at]
            rest += scenario.steps[at:]
        return sure, rest

    def made_later(self, steps: Iterable[Step[Any]]) -> list[Object]:
        """Return the bodies of what steps create when their turn comes."""
        return self.site.objects(name for step in steps for name in step.makes)

    def made_besides(self) -> Counter[str]:
        """Return what steps make besides manifests' objects, by kind."""
        return _Sum.of(self.site, chain.from_iterable(self.steps())).creates

    def cost(self) -> dict[str, int | str]:
        """Return what a run takes of the cluster: objects, and a first round's execs and requests."""
        bodies = self.objects()
        sure, rest = self.steps()
        least, most = (_Sum.of(self.site, steps) for steps in (sure, [*sure, *rest]))
        kinds = Counter(body["kind"] for body in [*bodies, *self.made_later(sure)]) + least.creates
        more = Counter(body["kind"] for body in self.made_later(rest)) + (most.creates - least.creates)
        own = 0 if self.creates_nothing or self.namespace else 1
        further, further_more = kinds.pop("Namespace", 0), more.pop("Namespace", 0)
        return {
            "namespaces": _span(own + further, own + further + further_more),
            **{KINDS[kind][1]: _span(kinds[kind], (kinds + more)[kind]) for kind in sorted(kinds | more)},
            "load balancers": sum(self._opened(body) == "LoadBalancer" for body in bodies),
            "execs in a first round": _span(len(least.places), most.asked),
            **{
                f"{kind} requests in a first round": _span(least.requests[kind], count)
                for kind, count in sorted(most.requests.items())
            },
            **{
                f"{kind} tries that count": _span(least.tries[kind], count)
                for kind, count in sorted(most.tries.items())
            },
            "seconds at most": round(self.seconds()),
        }

    @property
    def lifetime(self) -> int:
        """After how many seconds the pods end by themselves: no run takes so long."""
        return round(self.seconds() + SLACK_SECONDS)

    def reachable(self) -> list[str]:
        """Return what will be reachable from outside the cluster: by the Services' ports and by hostPorts."""
        at_services = [
            f"{name_of(body)} ({_reachable_at(body['spec'], opened)})"
            for body in self.objects()
            if (opened := self._opened(body))
        ]
        host_ports = any(pod.role == manifests.HOST_PORT for pod in self.pods)
        port = self.site.profile.host_port
        return [*at_services, f"port {port} of every node"] if host_ports else at_services

    def _opened(self, body: Object) -> str | None:
        """Return `LoadBalancer` or `NodePort` for a Service that is one, or will be; None for the others."""
        exposed = {name for each in self.scenarios for step in each.steps for name in step.exposes}
        kind = "LoadBalancer" if name_of(body) in exposed else body["spec"].get("type")
        return kind if kind in ("LoadBalancer", "NodePort") else None

    def seconds(self) -> float:
        """Return the bound of the whole run: creation, the longest scenario, removal."""
        if not self.scenarios:
            return 0.0
        longest = max((self._seconds(each) for each in self.scenarios), default=0.0)
        return CREATION_SECONDS + longest + self.site.profile.timeouts.removal

    def permissions(self) -> list[Permission]:
        """Return what the plan needs besides reading the cluster, each once."""
        steps = list(chain.from_iterable(self.steps()))
        bodies = [*self.objects(), *self.made_later(steps)]
        needed = list(chain.from_iterable(step.needs(self.site).permissions for step in steps))
        if self.namespace is None and self.creates_nothing is None:
            needed += NAMESPACE
        for kind in dict.fromkeys(body["kind"] for body in bodies):
            needed.append(_permission("create", kind))
            if kind == "Pod":
                needed.append(_permission("deletecollection", kind))
            if kind == "Service" or (kind in ("Deployment", "NetworkPolicy") and self.namespace):
                needed.append(_permission("delete", kind))
            if self.namespace:  # what is left is looked for in it
                needed.append(_permission("list", kind))
        needed = [each if each.of_cluster else within(each, self.namespace) for each in needed]
        return sorted(set(needed), key=lambda each: (each.group, each.what, each.verb))

    def _seconds(self, scenario: Kind) -> float:
        """Return a scenario's bound: its own steps one after the other, and those that they wait for."""
        own = sum(step.needs(self.site).seconds for step in scenario.steps)
        return own + max((self._seconds(each) for each in scenario.rests_on()), default=0.0)


class _Sum(NamedTuple):
    """What some steps take of the cluster in a first round."""

    requests: Counter[str]
    tries: Counter[str]
    creates: Counter[str]
    places: frozenset[Place]
    asked: int
    """Execs, if no two steps share one."""

    @classmethod
    def of(cls, site: Site, steps: Iterable[Step[Any]]) -> "_Sum":
        needs = [step.needs(site) for step in steps]
        return cls(
            sum((each.requests for each in needs), Counter[str]()),
            sum((each.tries for each in needs), Counter[str]()),
            sum((each.creates for each in needs), Counter[str]()),
            frozenset[Place]().union(*(each.places for each in needs)),
            sum(len(each.places) for each in needs),
        )


def _span(least: int, most: int) -> int | str:
    return f"{least} to {most}" if most > least else least


def _reachable_at(spec: Object, opened: str) -> str:
    if opened == "NodePort":
        return f"{len(spec['ports'])} ports on every node, of the cluster's choice"
    return ", ".join(str(port["port"]) for port in spec["ports"])


def _permission(verb: str, kind: str) -> Permission:
    api_version, plural = KINDS[kind]
    return Permission(verb, api_version.rpartition("/")[0], plural)


def make_site(
    survey: Survey, profile: Profile, *, image: str | None, peers: int | None, namespace_given: bool = False
) -> Site:
    """Return the site for a surveyed cluster under a profile."""
    left_out = {node.name: why for node in survey.nodes if (why := why_left_out(node, profile))}
    nodes = tuple(node.name for node in survey.nodes if node.name not in left_out)
    return Site(
        release=survey.release,
        profile=profile,
        image=image,
        nodes=nodes,
        ready=tuple(name for name in nodes if survey.node(name).ready) or nodes,
        left_out=left_out,
        inside=_inside(survey),
        pairs=pairs(nodes, _zones(survey), peers) if nodes else (),
        addresses={name: survey.node(name).internal_ips for name in nodes},
        kubelet_ports={name: survey.node(name).kubelet_port for name in nodes},
        namespace_given=namespace_given,
    )


def why_left_out(node: Node, profile: Profile) -> LeftOut | None:
    """Return why no probe pod is put on a node, or None."""
    if node.virtual:
        return LeftOut("a virtual node runs each pod on a machine of its own", promised=False)
    if (node.os or node.os_label or "").lower() == "windows":
        why = "it runs Windows, and the probes are for Linux"
        if profile.promises.windows:
            return LeftOut(f"{why} (promises.windows: false leaves it out)", promised=True)
        return LeftOut(f"{why}; profile {profile.name} promises nothing for it", promised=False)
    return None


def _zones(survey: Survey) -> dict[str, str]:
    """Return the nodes' zones, of those that say one."""
    return {node.name: zone for node in survey.nodes if (zone := node.zone)}


def _inside(survey: Survey) -> Inside:
    pods = (*survey.pod_ranges, *(cidr for node in survey.nodes for cidr in node.pod_cidrs))
    here = os.environ.get("KUBERNETES_SERVICE_HOST")
    reason = None
    if survey.context is None:
        reason = "it uses the credentials of a pod"
    elif here and here == survey.kubernetes_service_ip:
        reason = "its environment is that of one of the cluster's pods"
    return Inside(
        nodes=tuple(ip for node in survey.nodes for ip in node.internal_ips),
        pods=tuple(dict.fromkeys(pods)),
        services=survey.service_ranges,
        runner_is_pod=reason,
    )


def make_plan(
    survey: Survey, site: Site, needed: Iterable[Kind], *, idle: str | None, namespace: str | None = None
) -> Plan:
    """Return the plan for the scenarios that the selected behaviours need, with those that they rest on.

    `idle` says why nothing may be created, if so; `namespace` is one that is there already. Raises UserError
    with one line for scenarios that do not fit together.
    """
    scenarios = _closure(needed)
    check(scenarios, site)
    if not site.nodes and "nodes" not in survey.missing:
        idle = idle or "the cluster has no node to put a probe pod on"
    single = survey.lacking(site.profile.promises.families)  # asked once: it looks at every node
    if single:
        idle = idle or f"this is not a dual-stack cluster: {single}"
    if all(each.reads_only for each in scenarios):
        idle = idle or "what was selected needs nothing but reading"
    left_out: dict[Kind, str] = {}
    for scenario in scenarios:
        stays_out = idle and (single or not scenario.reads_only)
        if (reason := stays_out and f"this run creates nothing: {idle}") or (
            reason := scenario.left_out(survey, site.profile) or _nodeless(survey, site, scenario)
        ):
            left_out[scenario] = str(reason)
    played = tuple(each for each in scenarios if each not in left_out)
    if all(each.reads_only for each in played):
        idle = idle or next(iter(left_out.values()))
    return Plan(site, played, left_out, creates_nothing=idle, namespace=namespace)


def _nodeless(survey: Survey, site: Site, scenario: Kind) -> str | None:
    """Return why a scenario with pods on every node cannot be played, or None."""
    pods = scenario.on_every_node or any(other.on_every_node for other in scenario.rests_on())
    if site.nodes or not pods:
        return None
    return survey.missing["nodes"]


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
