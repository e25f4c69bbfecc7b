"""What pods are told of their addresses, and what those in the node's own network have."""

from pydantic import Field

from dualstack.family import FAMILIES
from dualstack.probes.script import Answers, Request
from dualstack.scenario.ask import Ask
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, HOST, HOST_IPS, POD_IPS
from dualstack.scenario.running import PodsRun
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen
from dualstack.scenarios.probe_pods import ProbePods
from dualstack.survey.model import Survey, of_family, same_address, same_addresses
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier


class Told(NodeSeen):
    """What a client pod was told of its own and its node's addresses."""

    pod_ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()
    hosts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Names in /etc/hosts, by address."""


def _read(node: str, answers: Answers) -> Told:
    lines = [line.partition("#")[0].split() for line in answers.files.get(("hosts", "it"), "").splitlines()]
    return Told(
        node=node,
        pod_ips=_listed(answers.files.get(("podips", "it"), "")),
        host_ips=_listed(answers.files.get(("hostips", "it"), "")),
        hosts={words[0]: tuple(words[1:]) for words in lines if words},
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each for each in text.strip().split(",") if each)


class PodsTold(Scenario):
    """Variables and host names of every node's client pod."""

    id = "pods-told"
    on_every_node = (CLIENT,)
    seen = Ask(CLIENT, Request("told", "it"), item=Told, read=_read)


class HostPods(Scenario):
    """A pod in every node's own network."""

    id = "host-pods"
    on_every_node = (HOST,)
    running = PodsRun()


@behaviour(
    Behaviour(
        id="pod-downward-api",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="A pod is told all its addresses: by the downward API (and its node's, from 1.30 on), and in "
        "/etc/hosts.",
        source="https://kubernetes.io/docs/concepts/workloads/pods/downward-api/",
        remedy="Compare the kubelet's version with the API server's, and look for what writes /etc/hosts of "
        "pods on the named node: programs that look up their own name find one family only.",
    ),
    needs=(ProbePods, PodsTold),
)
def test_pod_downward_api(board: Board, judge: Judge) -> None:
    clients = board.wait(ProbePods.running).of(CLIENT)
    for told in judge.each(board.wait(PodsTold.seen).nodes, "probe pods"):
        subject, pod = f"client pod on {told.node}", clients[told.node]
        if told.trouble:
            judge.cannot(subject, told.trouble, target=told.node)
            continue
        for family in FAMILIES:
            own = of_family(pod.pod_ips, family)
            if not own:
                judge.cannot(subject, f"it has no {family} address (see pod-ips)", family=family)
                continue
            wrong = [
                f"{name} says {', '.join(of_family(said, family)) or 'none'}"
                for name, said, real in (
                    (POD_IPS, told.pod_ips, own),
                    (HOST_IPS, told.host_ips, of_family(pod.host_ips, family)),
                )
                if not (name == HOST_IPS and not told.host_ips)
                and not same_addresses(of_family(said, family), real)
            ]
            if not any(same_address(each, own[0]) for each in told.hosts):
                wrong.append("/etc/hosts does not have it")
            judge(
                subject,
                not wrong,
                family=family,
                target=told.node,
                cause=f"its address is {', '.join(own)}; {' and '.join(wrong)}",
                pod_ips=list(told.pod_ips),
                host_ips=list(told.host_ips),
                hosts=sorted(told.hosts),
            )


@behaviour(
    Behaviour(
        id="pod-host-network",
        every_node=True,
        level=Level.MUST,
        tier=Tier.HOST,
        since="1.20",
        reads=("nodes",),
        claim="A pod in the node's own network has the node's addresses, one of each family, as podIPs and, "
        "from 1.30 on, as hostIPs.",
        source="https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/563-dual-stack",
        remedy="Compare --node-ip of the named node's kubelet with the addresses that the node lists; pods "
        "that are older than a second address keep what they had until they are made anew.",
    ),
    needs=(HostPods,),
)
def test_pod_host_network(board: Board, survey: Survey, judge: Judge) -> None:
    for pod in judge.each(board.wait(HostPods.running).pods, "host pods"):
        subject, node = f"host pod on {pod.node}", survey.node(pod.node)
        if not pod.running:
            judge.cannot(subject, f"it does not run: {pod.trouble}", target=pod.node)
            continue
        fields = {"podIPs": pod.pod_ips} | ({"hostIPs": pod.host_ips} if pod.host_ips else {})
        for family in FAMILIES:
            wrong = [
                f"{field} has {', '.join(of_family(ips, family)) or f'no {family} address'}"
                for field, ips in fields.items()
                if not _one_of(of_family(ips, family), of_family(node.internal_ips, family))
            ]
            listed = ", ".join(of_family(node.internal_ips, family)) or "none"
            judge(
                subject,
                not wrong,
                family=family,
                target=pod.node,
                cause=f"{'; '.join(wrong)}; the node lists {listed}",
                pod_ips=list(pod.pod_ips),
                host_ips=list(pod.host_ips),
                internal_ips=list(node.internal_ips),
            )


def _one_of(addresses: list[str], listed: list[str]) -> bool:
    """Return whether there is exactly one address, and the node lists it."""
    return len(addresses) == 1 and any(same_address(addresses[0], each) for each in listed)
