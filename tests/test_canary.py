"""The canary: the suite proves, in this very run, that it can fail."""

from dualstack.claims import judge_service_path
from dualstack.conduct.board import Board
from dualstack.conduct.topics import Paths
from dualstack.family import Family
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier, Verdict


@behaviour(
    Behaviour(
        id="canary",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Of two Services that differ in one thing, the suite finds the IPv6 one broken, which it is on "
        "purpose, and the IPv4 one whole.",
        source="https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/563-dual-stack",
        remedy="Do not trust this run: a suite that cannot fail has not passed anything. Report it.",
    )
)
def test_canary(board: Board, judge: Judge) -> None:
    paths = board.wait("canary", Paths).observations
    blocked = [path.blocked for path in paths if path.blocked]
    if blocked or {path.family for path in paths} != set(Family):
        raise CannotJudge(
            f"both halves of the canary could not be probed: {blocked or 'a Service is missing'}"
        )
    trial = Judge()
    for path in paths:
        judge_service_path(trial, path)
    found = {finding.family: finding.verdict for finding in trial.findings}
    if found[Family.V4] is not Verdict.CONFORMS:
        raise CannotJudge("the half that should work does not (see cluster-ip-tcp)")
    if found[Family.V6] is not Verdict.BREAKS:
        raise CannotJudge("the suite missed a Service that is broken on purpose: do not trust this run")
    judge("canary-ipv6", True, family=Family.V6, cause="", caught=trial.findings[-1].cause)
