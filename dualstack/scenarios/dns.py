"""The cluster's DNS, asked from every node: each name server that pods are given, and the cluster's own."""

from typing import Any

from pydantic import Field

from dualstack.family import FAMILIES, family_of
from dualstack.probes.script import Answers, Request
from dualstack.profile.model import Profile
from dualstack.scenario.ask import Ask
from dualstack.scenario.lookup import RECORD, Lookup, Question
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.name_servers import ClusterDns, Resolver, read_resolver
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen, ObjectSeen
from dualstack.scenario.stage import Stage
from dualstack.survey.model import Survey

WITH_RECORDS = ("service-ipv4", "service-ipv6", "service-dual-v4-first", "service-dual-v6-first")
REVERSED, HEADLESS = "service-dual-v4-first", "service-headless"
BY_NAME = ("service-dual-v4-first", "service-dual-v6-first")
TRIES_BY_NAME = 3
TRIES_OUTSIDE = 4  # at once: once one has been answered, caches hide which of the servers behind does not
AGAIN_SECONDS = 1.0  # what a busy machine delays once is fast the second time


def questions(stage: Stage, domain: str) -> list[Question]:
    """Return what to ask: both records of Services and of pods that have names, and who has an address."""
    namespace, asked = stage.owner.namespace, []
    for name in WITH_RECORDS:
        addresses = stage.objects[name].cluster_ips
        for family in FAMILIES if addresses else ():
            own = frozenset(each for each in addresses if family_of(each) is family)
            asked.append(Question(name, f"{name}.{namespace}", RECORD[family], own))
    for address in stage.objects[REVERSED].cluster_ips:
        name = f"{REVERSED}.{namespace}.svc.{domain}."
        asked.append(Question(REVERSED, address, "PTR", frozenset([name])))
    return asked + _of_pods(stage, stage.objects[HEADLESS])


def _of_pods(stage: Stage, headless: ObjectSeen) -> list[Question]:
    """Return what to ask of a headless Service: all its pods' addresses, and those of one pod by its name."""
    spec: Any = headless.spec or {}
    wanted = spec.get("ipFamilies") or [spec.get("ipFamily")]
    pods = [pod for pod in stage.pods.selected(spec.get("selector") or {}) if pod.running]
    namespace, asked = stage.owner.namespace, []
    for family in FAMILIES if pods else ():
        own = {pod.name: pod.address(family) for pod in pods if family in wanted}
        all_of_them = frozenset(ip for ip in own.values() if ip)
        first = own.get(pods[0].name)
        asked += [
            Question(HEADLESS, f"{HEADLESS}.{namespace}", RECORD[family], all_of_them),
            Question(
                f"{pods[0].name}.{HEADLESS}",
                f"{pods[0].name}.{HEADLESS}.{namespace}",
                RECORD[family],
                frozenset([first] if first else []),
            ),
        ]
    return asked


class ByName(NodeSeen):
    """How a client that tries both families came to Services by their names."""

    chosen: dict[str, str] = Field(default_factory=dict)
    """The address that answered first, by Service."""
    milliseconds: dict[str, float] = Field(default_factory=dict)
    """From the name's resolution until there was a connection: of the fastest try."""
    errors: dict[str, str] = Field(default_factory=dict)

    def better(self, other: "ByName") -> "ByName":
        """Return the faster of two measurements, Service by Service."""
        if self.trouble or other.trouble:
            return other if self.trouble else self
        merged = ByName(node=self.node, errors=self.errors | other.errors)
        for service in BY_NAME:
            known = [each for each in (self, other) if service in each.milliseconds]
            if known:
                faster = min(known, key=lambda each: each.milliseconds[service])
                merged.milliseconds[service] = faster.milliseconds[service]
                merged.chosen[service] = faster.chosen[service]
        return merged


def read_by_name(node: str, answers: Answers) -> ByName:
    """Read curl's reports."""
    seen = ByName(node=node)
    for service in BY_NAME:
        for number in range(TRIES_BY_NAME):
            report = answers.curl.get(f"{service}-{number}") or {}
            if not report.get("remote_ip") or report.get("exitcode"):
                error = report.get("errormsg") or answers.curl_trouble or "the probe printed no answer"
                seen.errors[service] = str(error)
                continue
            took = round((float(report["time_connect"]) - float(report["time_namelookup"])) * 1000, 2)
            if took < seen.milliseconds.get(service, float("inf")):
                seen.milliseconds[service], seen.chosen[service] = took, str(report["remote_ip"])
    return seen


def ask_by_name(after: float = 0.0) -> "Ask[ByName]":
    """Return a step that calls each Service by its name a few times at once."""
    requests = [
        Request("http", f"{name}-{number}", f"http://{name}/hostname")
        for name in BY_NAME
        for number in range(TRIES_BY_NAME)
    ]
    return Ask(CLIENT, *requests, item=ByName, read=read_by_name, after=after)


class Dns(Scenario):
    """Every node's client asks each of its name servers, and the cluster's own ones."""

    id = "dns"
    on_every_node = (CLIENT, SERVER)
    manifests = ("service-ipv4", "service-ipv6", "service-families")
    cluster = ClusterDns()
    resolver = Ask(CLIENT, Request("resolver", "resolver"), item=Resolver, read=read_resolver)
    replies = Lookup(resolver, cluster, questions, services=(*WITH_RECORDS, HEADLESS))
    by_name = ask_by_name()
    by_name_again = ask_by_name(after=AGAIN_SECONDS)


def names_outside(stage: Stage, _domain: str) -> list[Question]:
    """Return both records of every name outside that the profile names; any address will do."""
    names = [f"{name.rstrip('.')}." for name in stage.site.profile.external_names]
    return [Question(name, name, RECORD[family], None) for name in names for family in FAMILIES]


class OutsideNames(Scenario):
    """Every node's client asks its name servers, and the cluster's own ones, for names outside."""

    id = "outside-names"
    on_every_node = (CLIENT,)
    cluster = ClusterDns()
    resolver = Ask(CLIENT, Request("resolver", "resolver"), item=Resolver, read=read_resolver)
    replies = Lookup(resolver, cluster, names_outside, tries=TRIES_OUTSIDE)

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where there is no name to ask for."""
        return None if profile.external_names else f"profile {profile.name} names no `external-names`"
