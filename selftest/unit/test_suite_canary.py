"""A canary that is missed is no pass."""

import pytest

from dualstack.family import Family
from dualstack.probes.observation import Burst, Observation
from dualstack.profile.model import load
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Paths
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Verdict


def service(name, *, whole, family=Family.V6, **more):
    answers = {"answered_by": {"server-0": 4}, "answered": 4, "reached": True}
    return Observation(
        kind="tcp", source="node0", target=name, family=family, requests=4,
        rounds=1, error=None if whole else "refused", **((answers if whole else {}) | more),
    )  # fmt: skip


CONTROL = (
    service("canary-ipv4", whole=True, family=Family.V4),
    service("canary-ipv6", whole=True),
)
DEAD = (
    service("canary-dead-port", whole=False),
    service(
        "canary-dead-backend", whole=False, answered=2, answered_by={"server-0": 2}, missing=("client-0",)
    ),
)
STRANGER = service(
    "canary-stranger", whole=True, bursts=(Burst(tries=10, answered=3),), strangers={"server-0": 7}
)


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(control=CONTROL, dead=DEAD, stranger=STRANGER, profile="kubernetes"):
        board, judge = Board(tmp_path), Judge()
        module = suite_module("test_canary")
        for step, seen in (("control", control), ("dead", dead), ("stranger", [stranger])):
            board.publish(getattr(module.Canary, step), Paths(observations=tuple(seen)))
        module.test_canary(board, load(profile)[0], judge)
        return judge.findings

    return run


def test_what_is_broken_on_purpose_and_found_broken_conforms(judged):
    assert [finding.verdict for finding in judged()] == [Verdict.CONFORMS] * 3


def test_a_cluster_of_ipv6_on_purpose_needs_no_control_of_ipv4(judged):
    absent = service("canary-ipv4", whole=False, family=Family.V4, blocked="no IPv4 Services here")
    findings = judged(control=(absent, CONTROL[1]), profile="eks-ipv6")
    assert [finding.verdict for finding in findings] == [Verdict.CONFORMS] * 3


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"dead": (service("canary-dead-port", whole=True), DEAD[1])}, "missed canary-dead-port"),
        ({"dead": (DEAD[0], service("canary-dead-backend", whole=True))}, "missed canary-dead-backend"),
        ({"stranger": service("canary-stranger", whole=True)}, "missed canary-stranger"),
        ({"control": (CONTROL[0], service("canary-ipv6", whole=False))}, "should work do not"),
        ({"control": CONTROL[:1]}, "one is missing"),
        ({"dead": DEAD[:1]}, "no such Service"),
        ({"dead": (DEAD[0], service("canary-dead-backend", whole=False, blocked="forbidden"))}, "forbidden"),
    ],
)
def test_everything_else_is_not_judged(judged, seen, told):
    with pytest.raises(CannotJudge, match=told):
        judged(**seen)
