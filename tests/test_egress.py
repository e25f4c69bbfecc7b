"""Egress: from the pods to the world outside, where the profile names somebody to reach."""

from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenarios.egress import EgressPaths
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge, NotApplicable
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="egress",
        traffic="TCP to the outside",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="From every node's pods, each address outside that the profile names accepts connections.",
        source="https://www.rfc-editor.org/rfc/rfc8305",
        remedy="Follow the packet of the broken family out of the named node: its default route, "
        "masquerading or the route back to the pods, filters on the way. Where a name has both families, "
        "clients feel a dead IPv6 as a delay of each first connection.",
    ),
    needs=(EgressPaths,),
)
def test_egress(board: Board, profile: Profile, judge: Judge) -> None:
    if not profile.egress:
        raise NotApplicable(f"profile {profile.name} names no `egress`")
    for path in judge.paths(board.wait(EgressPaths.paths).observations, "addresses outside"):
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=path.flaw or f"no connection in {path.rounds} tries: {path.error}",
            rounds=path.rounds,
            counted=path.counted,
            lost_syns=path.lost_syns,
            connect_ms=round(path.connect_seconds * 1000, 2) if path.connect_seconds else None,
            error=path.error,
        )
