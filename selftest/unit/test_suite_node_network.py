"""The nodes' own network, on what kernels and clients in user space make of router advertisements."""

import json

import pytest

from dualstack.probes.script import Answers
from dualstack.scenario.board import Board
from dualstack.scenario.seen import PerNode
from dualstack.scenarios import host_networks
from dualstack.scenarios.host_networks import DefaultRoute, HostAddress, HostNetwork
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

FORWARDS = {"all.forwarding": 1, "all.disable_ipv6": 0, "eth0.forwarding": 1}
OWN = HostAddress(device="eth0", address="fd00::1")
SURVEY = Survey(
    context=None, server="s", version="v1.36.3",
    nodes=(Node(name="node0", ready=True, kubelet="v1.36.3", os="linux", internal_ips=("FD00:0:0::1",)),),
)  # fmt: skip


def network(*routes, addresses=(OWN,), trouble=None, **sysctls):
    named = {key.replace("__", "."): value for key, value in sysctls.items()}
    return HostNetwork(
        node="node0", addresses=addresses, default_routes=routes, sysctls=FORWARDS | named, trouble=trouble
    )


def route(expires=None, protocol="ra"):
    return DefaultRoute(device="eth0", gateway="fe80::1", protocol=protocol, expires=expires)


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(test, first, later=None):
        module, board, judge = suite_module("test_node_network"), Board(tmp_path), Judge()
        board.publish(module.HostNetworks.first, PerNode[HostNetwork](nodes=(first,)))
        board.publish(module.HostNetworks.later, PerNode[HostNetwork](nodes=(later or first,)))
        arguments = (board, SURVEY, judge) if test == "test_node_dad" else (board, judge)
        getattr(module, test)(*arguments)
        (finding,) = judge.findings
        return finding

    return run


@pytest.mark.parametrize(
    ("first", "later", "sysctls", "verdict"),
    [
        ([route(protocol="static")], [route(protocol="static")], {}, Verdict.CONFORMS),
        ([], [], {}, Verdict.BREAKS),
        ([route(protocol="boot")], [], {}, Verdict.BREAKS),
        ([route(600)], [route(596)], {"eth0__accept_ra": 1}, Verdict.BREAKS),
        ([route(600)], [route(596)], {"eth0__accept_ra": 1, "all__accept_ra": 2}, Verdict.BREAKS),
        ([route(600)], [route(1800)], {"eth0__accept_ra": 1}, Verdict.CONFORMS),  # it was renewed
        ([route(600)], [route(596)], {"eth0__accept_ra": 2}, Verdict.CONFORMS),
        ([route(600)], [route(596)], {"eth0__accept_ra": 0, "all__accept_ra": 1}, Verdict.CONFORMS),
        ([route(600, "boot")], [route(596, "boot")], {}, Verdict.BREAKS),
        ([route(2)], [route(-2)], {"eth0__accept_ra": 2}, Verdict.BREAKS),  # listed still, and dead
        ([route(600), route(None, "static")], [route(596), route(None, "static")], {"eth0__accept_ra": 1},
         Verdict.CONFORMS),
    ],
)  # fmt: skip
def test_a_default_route_that_nobody_renews_breaks_before_it_runs_out(judged, first, later, sysctls, verdict):
    found = judged("test_node_default_route", network(*first, **sysctls), network(*later, **sysctls))
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("sysctls", "verdict"),
    [
        ({}, Verdict.CONFORMS),
        ({"all__forwarding": 0}, Verdict.BREAKS),
        ({"all__disable_ipv6": 1}, Verdict.BREAKS),
    ],
)
def test_forwarding(judged, sysctls, verdict):
    assert judged("test_node_forwarding", network(**sysctls)).verdict is verdict


@pytest.mark.parametrize(
    ("addresses", "verdict"),
    [
        ([OWN], Verdict.CONFORMS),
        ([OWN, HostAddress(device="eth0", address="fd00::2", dadfailed=True)], Verdict.BREAKS),
        ([OWN, HostAddress(device="eth0", address="fd00::2", tentative=True)], Verdict.BREAKS),
        ([OWN, HostAddress(device="veth7", address="fe80::2", tentative=True)], Verdict.CONFORMS),
        ([OWN, HostAddress(device="eth0", address="fd00::2", deprecated=True)], Verdict.CONFORMS),
        ([OWN.model_copy(update={"deprecated": True})], Verdict.BREAKS),
        ([HostAddress(device="eth0", address="fd00::9")], Verdict.NOT_JUDGED),
    ],
)
def test_addresses_that_cannot_be_used_break(judged, addresses, verdict):
    assert judged("test_node_dad", network(addresses=tuple(addresses))).verdict is verdict


@pytest.mark.parametrize("test", ["test_node_forwarding", "test_node_default_route", "test_node_dad"])
def test_a_node_that_cannot_be_asked_is_not_judged(judged, test):
    trouble = HostNetwork(node="node0", trouble="exec: forbidden")
    assert judged(test, trouble).verdict is Verdict.NOT_JUDGED


def test_what_ip_and_the_kernel_print_is_read():
    addresses = [{"ifname": "eth0", "addr_info": [
        {"family": "inet", "local": "10.0.0.1"},
        {"family": "inet6", "local": "fd00::1", "tentative": True, "dadfailed": True},
    ]}]  # fmt: skip
    default = {"dst": "default", "gateway": "fe80::1", "dev": "eth0", "protocol": "ra", "expires": 4294967294}
    routes = [default, {"dst": "fd00::/64", "dev": "eth0"}]
    sysctls = "/proc/sys/net/ipv6/conf/all/forwarding:1\n/proc/sys/net/ipv6/conf/eth0.7/accept_ra:-1\nnoise"
    read = host_networks._read("node0", Answers(files={
        ("addresses", "it"): json.dumps(addresses), ("routes.IPv6", "it"): json.dumps(routes),
        ("sysctls", "it"): sysctls,
    }))  # fmt: skip
    assert [each.dadfailed for each in read.addresses] == [True]
    assert read.default_routes[0].expires == -2
    assert read.sysctls == {"all.forwarding": 1, "eth0.7.accept_ra": -1}
    assert "printed" in host_networks._read("node0", Answers()).trouble
