"""What is outside the cluster and what is not."""

import socket

import pytest

from dualstack.family import Family
from dualstack.scenario import inside, resolve
from dualstack.scenario.inside import Inside

CLUSTER = Inside(
    nodes=("172.30.0.10", "fd00:30::10"),
    pods=("10.244.0.0/16", "fd00:244::/48"),
    services=("10.96.0.1/16", "fd00:96::/112"),  # with host bits, as the API server takes them
)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("172.30.0.200", None),
        ("fd00:30::200", None),
        ("172.30.0.10", None),  # ServiceLB gives nodes' own addresses
        ("::1", "loopback"),
        ("127.0.0.9", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%2", "link-local"),
        ("169.254.1.1", "link-local"),
        ("10.244.1.7", "cluster's own pods"),
        ("fd00:96::7", "cluster's own Services"),
        ("010.96.0.7", "cluster's own Services"),
        ("ff02::1", "unicast"),
        ("::", "unicast"),
        ("lb.example", "not an IP address"),
    ],
)
def test_what_can_be_no_external_address_is_named(address, why):
    found = CLUSTER.not_external(address)
    assert (found is None) if why is None else (why in found)


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ("172.30.0.10", "is a node's"),
        ("fd00:244::5", "in the pods' range"),
        ("172.30.0.1", None),
        (None, None),
    ],
)
def test_a_runner_on_a_node_or_in_a_pod_is_not_outside(monkeypatch, own, why):
    monkeypatch.setattr(inside, "_source_address", lambda address: own)
    found = CLUSTER.why_not_outside("fd00:30::200")
    assert (found is None) if why is None else (why in found)


def test_the_source_address_is_the_kernels_choice():
    assert inside._source_address("127.0.0.1") == "127.0.0.1"


def test_a_name_is_resolved_in_each_family_apart():
    assert resolve.resolve("127.0.0.1", Family.V4).addresses == ("127.0.0.1",)
    only_v4 = resolve.resolve("127.0.0.1", Family.V6)
    assert (only_v4.addresses, only_v4.trouble) == ((), None)


def test_no_answer_of_the_resolver_is_trouble_and_not_an_answer(monkeypatch):
    def fails(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert "cannot be resolved here" in resolve.resolve("lb.example", Family.V6).trouble
