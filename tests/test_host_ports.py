"""HostPorts: the port of a pod on its node's own addresses."""

from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenarios.host_ports import HostPortPaths
from dualstack.survey.model import Survey
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge, NotApplicable
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="host-port",
        both_families=True,
        traffic="TCP at hostPorts",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.HOST,
        claim="A pod's hostPort answers on its node's addresses in both families, by the pod itself.",
        source="https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/"
        "#support-hostport",
        remedy="Look at what maps hostPorts on the named target node (the CNI plugin portmap, or the network "
        "plugin's own) and at its rules of the broken family (ip6tables -t nat -S, nft list ruleset).",
    ),
    needs=(HostPortPaths,),
)
def test_host_port(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    if why := HostPortPaths.left_out(survey, profile):
        raise NotApplicable(why)
    for path in judge.paths(board.wait(HostPortPaths.paths).observations, "pairs of nodes"):
        others = ", ".join(sorted(path.strangers))
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=f"{others} answers there, and not the pod with the hostPort" if others
            else path.flaw or f"no answer in {path.rounds} tries: {path.error}",
            address=path.address,
            port=path.port,
            answered_by=dict(path.answered_by),
            rounds=path.rounds,
            error=path.error,
        )  # fmt: skip
