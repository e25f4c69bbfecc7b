"""Which endpoints of others are called: those of pods that are ready in both families."""

from dualstack.family import Family
from dualstack.scenario.listening import ready_in_both


def slices_of(address_type, *endpoints, ports=({"port": 80, "protocol": "TCP"},)):
    return {"addressType": address_type, "endpoints": list(endpoints), "ports": list(ports)}


def endpoint(pod, *addresses, ready=True):
    target = {"targetRef": {"kind": "Pod", "name": pod}} if pod else {}
    return {"addresses": list(addresses), "conditions": {"ready": ready}} | target


BOTH = {Family.V4: "10.0.0.1", Family.V6: "fd00::1"}


def test_a_pod_that_is_ready_in_both_families_is_asked_in_both():
    v4 = slices_of("IPv4", endpoint("one", "10.0.0.1"), endpoint("two", "10.0.0.2"))
    v6 = slices_of("IPv6", endpoint("one", "fd00::1"), endpoint("two", "fd00::2", ready=False))
    assert ready_in_both([v4, v6]) == [(BOTH, [80])]


def test_what_is_no_pod_has_no_tcp_port_or_another_kind_of_address_is_left_aside():
    by_hand = [slices_of("IPv4", endpoint(None, "10.0.0.1")), slices_of("IPv6", endpoint(None, "fd00::1"))]
    udp = [{"port": 53, "protocol": "UDP"}]
    only_udp = [
        slices_of("IPv4", endpoint("dns", "10.0.0.1"), ports=udp),
        slices_of("IPv6", endpoint("dns", "fd00::1"), ports=udp),
    ]
    without_ports = [{"addressType": "IPv4", "endpoints": None}, {"addressType": "FQDN", "ports": None}]
    names = [slices_of("FQDN", endpoint("one", "db.example"))]
    assert ready_in_both([*by_hand, *only_udp, *without_ports, *names]) == []


def test_ports_of_all_its_slices_are_asked_once():
    more = [{"port": 80}, {"port": 443, "protocol": "TCP"}, {"port": None}]
    v4, v6 = (
        slices_of("IPv4", endpoint("one", "10.0.0.1")),
        slices_of("IPv6", endpoint("one", "fd00::1"), ports=more),
    )
    assert ready_in_both([v4, v6]) == [(BOTH, [80, 443])]
