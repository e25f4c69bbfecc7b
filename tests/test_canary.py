"""The canary: the suite proves, in this very run, that it can fail."""

from dualstack.family import Family
from dualstack.probes.kinds.tcp import TCP
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import ClusterIPs
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Level, Tier, Verdict

BROKEN = ("canary-dead-port", "canary-dead-backend", "canary-stranger")


class Canary(Scenario):
    """The control is probed first, from the same pod: its answer says that rules for new Services arrived."""

    id = "canary"
    on_every_node = (CLIENT, SERVER)
    manifests = ("canary",)
    control = Probe(TCP, to=ClusterIPs("canary-ipv4", "canary-ipv6"), everywhere=False)
    dead = Probe(  # these need not be asked long
        TCP, to=ClusterIPs("canary-dead-port", "canary-dead-backend"), everywhere=False, bound="silence"
    )
    stranger = Probe(
        TCP, to=ClusterIPs("canary-stranger", expects_nobody=True), everywhere=False, bound="silence"
    )


@behaviour(
    Behaviour(
        id="canary",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="The suite finds three IPv6 Services broken that it broke on purpose (a dead port, one dead "
        "backend of several, a stranger's answer), beside two whole ones that it finds whole.",
        source="https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/563-dual-stack",
        remedy="Do not trust this run: a suite that cannot fail has not passed anything. Report it.",
    ),
    needs=(Canary,),
)
def test_canary(board: Board, profile: Profile, judge: Judge) -> None:
    promised = set(profile.promises.families)
    if Family.V6 not in promised:
        raise NotApplicable("its broken Services are of IPv6, which is not promised (promises.families)")
    control = Judge()
    for path in board.wait(Canary.control).observations:
        if path.family not in promised:
            continue
        if path.blocked:
            raise CannotJudge(f"the control could not be probed: {path.blocked}")
        control.service_path(path)
    whole = {finding.family for finding in control.findings if finding.verdict is Verdict.CONFORMS}
    if whole != promised:
        raise CannotJudge("the Services that should work do not, or one is missing (see cluster-ip-tcp)")
    paths = {
        path.target: path for step in (Canary.dead, Canary.stranger) for path in board.wait(step).observations
    }
    for name in BROKEN:
        suspect = paths.get(name)
        if suspect is None or suspect.blocked:
            reason = suspect.blocked if suspect else "there is no such Service"
            raise CannotJudge(f"{name} could not be probed: {reason}")
        trial = Judge()
        trial.service_path(suspect)
        if trial.findings[0].verdict is not Verdict.BREAKS:
            raise CannotJudge(f"the suite missed {name}, broken on purpose: do not trust this run")
        judge(name, True, family=Family.V6, cause="", caught=trial.findings[0].cause)
