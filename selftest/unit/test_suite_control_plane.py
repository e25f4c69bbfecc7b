"""The control plane's ways to nodes, on made-up answers."""

import pytest

from dualstack.scenario.board import Board
from dualstack.scenario.seen import PerNode
from dualstack.scenario.through_api import EXECUTE, FORWARD, LOGS, PROXY, Reached
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

WORKS = {LOGS: None, EXECUTE: None, FORWARD: None, PROXY: None}
NO = "forbidden: get pods/log"


@pytest.mark.parametrize(
    ("seen", "verdict", "cause"),
    [
        ({"ways": WORKS}, Verdict.CONFORMS, None),
        ({"ways": WORKS | {EXECUTE: "refused"}}, Verdict.BREAKS, "exec: refused"),
        ({"ways": WORKS | {LOGS: NO}, "refused": (LOGS,)}, Verdict.CONFORMS, None),
        (
            {"ways": dict.fromkeys(WORKS, NO), "refused": tuple(WORKS)},
            Verdict.NOT_JUDGED,
            "; ".join([NO] * 3),
        ),
        ({"trouble": "no pod"}, Verdict.NOT_JUDGED, "no pod"),
    ],
)
def test_the_ways_that_may_be_gone_are_judged(suite_module, tmp_path, seen, verdict, cause):
    module, board, judge = suite_module("test_control_plane"), Board(tmp_path), Judge()
    board.publish(module.ControlPlane.reached, PerNode[Reached](nodes=(Reached(node="node0", **seen),)))
    module.test_api_exec_logs(board, judge)
    assert [(f.verdict, f.cause) for f in judge.findings] == [(verdict, cause)]
