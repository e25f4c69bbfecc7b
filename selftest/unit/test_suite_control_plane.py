"""The control plane's ways to nodes, on made-up answers."""

from fnmatch import fnmatchcase

import pytest

from dualstack.scenario.board import Board
from dualstack.scenario.deletion import DeletionSeen
from dualstack.scenario.seen import PerNode
from dualstack.scenario.through_api import EXECUTE, FORWARD, LOGS, PROXY, Reached
from dualstack.verdict.judge import Judge, NotApplicable
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


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        ({"gone": True, "seconds": 5.2}, None),
        ({"seconds": 30.0}, "it is there 30 s after it was deleted: nothing says why*"),
        (
            {"seconds": 30.0, "conditions": {"NamespaceDeletionDiscoveryFailure": "1 failing"}},
            "*: NamespaceDeletionDiscoveryFailure: 1 failing",
        ),
        ({"seconds": 30.0, "finalizers": ("a.test/b",)}, "*: the finalizer a.test/b"),
    ],
)
def test_a_namespace_that_stays_breaks_in_the_api_servers_words(suite_module, tmp_path, seen, cause):
    module, board, judge = suite_module("test_control_plane"), Board(tmp_path), Judge()
    board.publish(module.NamespaceDeletion.gone, DeletionSeen(namespace="dualstack-x-going", **seen))
    module.test_namespace_deletes(board, judge)
    (finding,) = judge.findings
    assert finding.verdict is (Verdict.BREAKS if cause else Verdict.CONFORMS)
    assert fnmatchcase(finding.cause or "", cause or "")


def test_in_a_given_namespace_none_is_made(suite_module, tmp_path):
    module, board = suite_module("test_control_plane"), Board(tmp_path)
    board.publish(module.NamespaceDeletion.gone, DeletionSeen())
    with pytest.raises(NotApplicable, match="--namespace"):
        module.test_namespace_deletes(board, Judge())
