"""Applications that listen in one family only, in the namespaces whose owners let the suite call them."""

from dualstack.family import FAMILIES
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenarios.listening import Listening
from dualstack.survey.model import Survey
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="endpoint-listens",
        level=Level.SHOULD,
        tier=Tier.PODS,
        since="1.17",
        claim="Where the suite may call, a pod that is a ready endpoint in both families accepts connections "
        "in both.",
        source="https://kubernetes.io/docs/concepts/services-networking/dual-stack/#services",
        remedy="Let the application listen on [::], which takes IPv4 too, and not on 0.0.0.0; readiness "
        "probes ask the pod's first family only.",
    ),
    needs=(Listening,),
)
def test_endpoint_listens(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    if why := Listening.left_out(survey, profile):
        raise NotApplicable(why)
    found = board.wait(Listening.found)
    for service, count in found.passed_over.items():
        judge.cannot(f"{count} more endpoints of {service}", "its pods are alike, and enough are asked")
    paths = board.wait(Listening.paths).observations
    if not paths and not judge.findings:
        raise CannotJudge("no Service there has a ready endpoint of both families")
    accepts = {(path.target, path.family) for path in paths if path.reached}
    for path in judge.paths(paths, "endpoints"):
        others = [family for family in FAMILIES if family is not path.family]
        if not path.reached and not any((path.target, family) in accepts for family in others):
            judge.cannot_path(path, f"no connection in either family: {path.error}")
            continue
        judge(
            path.target,
            path.reached,
            family=path.family,
            cause=f"it accepts connections in {others[0]} only",
            asked_from=path.source,
            address=path.address,
            rounds=path.rounds,
            error=path.error,
        )
