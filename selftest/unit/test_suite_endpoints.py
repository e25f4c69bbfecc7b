"""endpoint-slices, on made-up observations."""

import pytest

from dualstack.family import Family
from dualstack.scenario.board import Board
from dualstack.scenario.slices import AllSlices, ServiceSlices, SliceSeen
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

V4, V6 = Family.V4, Family.V6
PODS = {V4: ("10.244.0.5", "10.244.1.5"), V6: ("fd00:244::5", "fd00:244:0:1::5")}


def slices(ready, address_type="IPv6", name="s-1"):
    return SliceSeen(name=name, service="s", address_type=address_type, ready=ready)


def service(*found, families=(V6,), **more):
    return ServiceSlices(service="s", families=families, slices=found, **({"backends": PODS} | more))


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(*services):
        module, board, judge = suite_module("test_endpoints"), Board(tmp_path), Judge()
        board.publish(module.EndpointSlices.listed, AllSlices(services=services, seconds=1.0))
        module.test_endpoint_slices(board, judge)
        return {finding.family: finding for finding in judge.findings}

    return run


def test_slices_that_list_each_familys_pods_conform_however_they_are_split(judged):
    both = service(
        slices(PODS[V6][:1]), slices(PODS[V6][1:], name="s-2"), slices(PODS[V4], "IPv4", "s-3"),
        families=(V4, V6),
    )  # fmt: skip
    assert both.as_it_should_be
    assert {f.verdict for f in judged(both).values()} == {Verdict.CONFORMS}


@pytest.mark.parametrize(
    ("found", "family", "words"),
    [
        ([slices(PODS[V6][:1])], V6, "do not list fd00:244:0:1::5"),
        ([slices([*PODS[V6], "fd00:244::dead"])], V6, "list fd00:244::dead, which no running pod of it has"),
        ([slices(PODS[V6]), slices(PODS[V4], "IPv4")], V4, "though the Service has no IPv4 address"),
    ],
)
def test_what_is_missing_or_left_over_is_named(judged, found, family, words):
    one = service(*found)
    assert not one.as_it_should_be
    finding = judged(one)[family]
    assert finding.verdict is Verdict.BREAKS
    assert words in finding.cause


def test_a_service_that_was_not_created_or_has_no_pods_is_not_judged(judged):
    both = service(trouble="Service s was not created: quota", families=(Family.V4, V6))
    assert judged(both)[None].verdict is Verdict.NOT_JUDGED
    alone = service(trouble="Service s was not created: no range of the family", families=(V6,))
    assert judged(alone)[V6].verdict is Verdict.NOT_JUDGED
    assert judged(service(backends={}))[V6].verdict is Verdict.NOT_JUDGED
