"""The canary: the suite proves, in this very run, that it can fail."""

from dualstack.family import Family
from dualstack.probes.kinds.tcp import TCP
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import ClusterIPs
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier, Verdict


class Canary(Scenario):
    """The half that works is probed first, since its answer says that rules for new Services have arrived."""

    id = "canary"
    on_every_node = (CLIENT, SERVER)
    manifests = ("canary",)
    whole = Probe(TCP, to=ClusterIPs("canary-ipv4"), everywhere=False)
    broken = Probe(
        TCP, to=ClusterIPs("canary-ipv6"), everywhere=False, bound=1.0
    )  # it need not be asked long


@behaviour(
    Behaviour(
        id="canary",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Of two Services that differ in one thing, the suite finds the IPv6 one broken, which it is on "
        "purpose, and the IPv4 one whole.",
        source="https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/563-dual-stack",
        remedy="Do not trust this run: a suite that cannot fail has not passed anything. Report it.",
    ),
    needs=(Canary,),
)
def test_canary(board: Board, judge: Judge) -> None:
    paths = [*board.wait(Canary.whole).observations, *board.wait(Canary.broken).observations]
    blocked = [path.blocked for path in paths if path.blocked]
    if blocked or {path.family for path in paths} != set(Family):
        raise CannotJudge(
            f"both halves of the canary could not be probed: {blocked or 'a Service is missing'}"
        )
    trial = Judge()
    for path in paths:
        trial.service_path(path)
    found = {finding.family: finding.verdict for finding in trial.findings}
    if found[Family.V4] is not Verdict.CONFORMS:
        raise CannotJudge("the half that should work does not (see cluster-ip-tcp)")
    if found[Family.V6] is not Verdict.BREAKS:
        raise CannotJudge("the suite missed a Service that is broken on purpose: do not trust this run")
    judge("canary-ipv6", True, family=Family.V6, cause="", caught=trial.findings[-1].cause)
