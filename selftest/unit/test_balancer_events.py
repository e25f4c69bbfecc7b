"""Whose events about a Service tell that somebody acts as its load balancer."""

import pytest

from dualstack.scenario.addresses import BALANCERS


@pytest.mark.parametrize(
    ("component", "reason"),
    [
        ("service-controller", "EnsuringLoadBalancer"),
        ("metallb-controller", "AllocationFailed"),
        ("metallb-controller", "IPAllocated"),
        ("metallb-speaker", "nodeAssigned"),
        ("service-lb-controller", "AppliedDaemonSet"),
        ("cloud-controller-manager", "SyncFailed"),
        ("a-product-of-tomorrow", "AddressPoolExhausted"),
    ],
)
def test_who_gives_addresses(component, reason):
    assert BALANCERS.search(f"{component} {reason}")


@pytest.mark.parametrize(
    ("component", "reason"),
    [
        ("kyverno-admission", "PolicyViolation"),
        ("gatekeeper-webhook", "FailedAdmission"),
        ("endpoint-slice-controller", "FailedToUpdateEndpointSlices"),
        ("cilium-operator", "Synced"),  # a network plugin's word, about anything
    ],
)
def test_who_does_not(component, reason):
    assert not BALANCERS.search(f"{component} {reason}")
