"""Kinds of requests whose tries stand for themselves: what counts as an answer."""

import pytest

from dualstack.family import Family
from dualstack.probes.kinds.connect import CONNECT
from dualstack.probes.kinds.health import HEALTH
from dualstack.probes.kinds.large import LARGE_UDP
from dualstack.probes.rounds import Tally, Target
from dualstack.probes.script import Answers


def measured(kind, *, files=(), curl=()):
    one = Tally(Target(kind=kind, source="node0", target="node1", family=Family.V6, address="fd00::1",
                       ports={"hostname": 8081}))  # fmt: skip
    reached = kind.take(one, "0", Answers(files=dict(files), curl=dict(curl)))
    return reached, one


@pytest.mark.parametrize(
    ("report", "reached"),
    [
        ({"time_connect": 0.2, "http_code": 400}, True),
        ({"time_connect": 0.2, "exitcode": 56, "errormsg": "reset"}, True),
        ({"time_connect": 0, "exitcode": 7, "errormsg": "Couldn't connect"}, False),
        ({}, False),
    ],
)
def test_a_connection_counts_whatever_is_said_over_it(report, reached):
    assert measured(CONNECT, curl={"0-0": report})[0] is reached


@pytest.mark.parametrize(("code", "reached"), [(200, True), (503, False), (404, False)])
def test_a_health_check_counts_only_when_it_says_200(code, reached):
    found, one = measured(HEALTH, curl={"0-0": {"http_code": code}})
    assert found is reached
    assert reached or one.error == f"HTTP status {code}"


@pytest.mark.parametrize(
    ("text", "reached", "error"),
    [
        ("1900\n\nexit 0", True, None),
        ("1472\n\nexit 0", False, "only 1472 bytes came back"),
        ("0\n\nexit 0", False, "no answer within 1 s"),
        ("nc: bad luck\n0\n\nexit 1", False, "nc: bad luck"),
    ],
)
def test_a_large_datagram_must_come_back_whole(text, reached, error):
    found, one = measured(LARGE_UDP, files={("udp", "0-0"): text})
    assert (found, one.error) == (reached, error)
