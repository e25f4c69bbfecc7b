"""A canary that is missed is no pass."""

import pytest

from dualstack.family import Family
from dualstack.probes.observation import Observation
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Paths
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Verdict


def half(family, *, whole, blocked=None):
    answers = {"answered_by": {"server-0": 4}, "clients_seen": {}, "answered": 4, "reached": True}
    return Observation(
        kind="tcp", source="node0", target=f"canary-{family.lower()}", family=family, requests=4,
        rounds=1, error=None if whole else "refused", blocked=blocked, **(answers if whole else {}),
    )  # fmt: skip


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(*halves):
        board, judge = Board(tmp_path), Judge()
        module = suite_module("test_canary")
        for step, family in ((module.Canary.whole, Family.V4), (module.Canary.broken, Family.V6)):
            seen = tuple(each for each in halves if each.family is family)
            board.publish(step, Paths(observations=seen))
        module.test_canary(board, judge)
        return judge.findings

    return run


def test_a_broken_half_that_is_found_broken_conforms(judged):
    (finding,) = judged(half(Family.V4, whole=True), half(Family.V6, whole=False))
    assert finding.verdict is Verdict.CONFORMS


@pytest.mark.parametrize(
    ("halves", "told"),
    [
        ((half(Family.V4, whole=True), half(Family.V6, whole=True)), "missed"),
        ((half(Family.V4, whole=False), half(Family.V6, whole=False)), "should work does not"),
        ((half(Family.V4, whole=True),), "a Service|one of its Services is missing"),
        ((half(Family.V4, whole=True), half(Family.V6, whole=False, blocked="forbidden")), "forbidden"),
    ],
)
def test_everything_else_is_not_judged(judged, halves, told):
    with pytest.raises(CannotJudge, match=told):
        judged(*halves)
