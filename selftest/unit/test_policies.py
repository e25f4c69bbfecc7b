"""Policies of the site that may refuse our traffic: what they excuse, and what they do not."""

from types import SimpleNamespace

import pytest

from dualstack.cluster.errors import ApiError
from dualstack.family import Family
from dualstack.probes.observation import Observation
from dualstack.scenario import policies


class FakeCluster:
    """NetworkPolicies of our namespace by name, and one kind of a whole cluster."""

    def __init__(self, own=(), wide=()):
        self.own, self.wide = own, wide

    def list(self, path):
        names = self.own if "/namespaces/ns/" in path else self.wide if "cilium" in path else None
        if names is None:
            raise ApiError(404, "list", path, "NotFound", "no such kind")
        return [{"metadata": {"name": name}} for name in names]


def path(source, family, *, reached, target="t", **more):
    return Observation(
        kind="tcp", source=source, target=target, family=family, address="fd00::1", reached=reached, **more
    )


def judged(cluster, *seen):
    stage = SimpleNamespace(cluster=cluster, owner=SimpleNamespace(namespace="ns"))
    return [each.blocked for each in policies.excused(stage, list(seen))]


BOTH_FAIL = (path("a", Family.V4, reached=False), path("a", Family.V6, reached=False))


@pytest.mark.parametrize(
    ("cluster", "named"),
    [
        (FakeCluster(own=["default-deny"]), "NetworkPolicy default-deny"),
        (FakeCluster(wide=["lock-down"]), "CiliumClusterwideNetworkPolicy lock-down"),
        (FakeCluster(own=["a", "b"], wide=["c"]), "(and 2 more)"),
    ],
)
def test_what_fails_alike_beside_a_policy_is_not_judged_and_the_policy_is_named(cluster, named):
    assert all(named in reason for reason in judged(cluster, *BOTH_FAIL))


def test_without_a_policy_it_is_a_break():
    assert judged(FakeCluster(), *BOTH_FAIL) == [None, None]


def test_one_family_alone_is_a_break_whatever_policies_there_are():
    seen = (path("a", Family.V4, reached=True), path("a", Family.V6, reached=False))
    assert judged(FakeCluster(own=["default-deny"]), *seen) == [None, None]


def test_where_others_get_through_the_policy_is_not_the_reason():
    within_the_node = path("b", Family.V6, reached=True, target="b")
    assert all(judged(FakeCluster(own=["default-deny"]), *BOTH_FAIL, within_the_node)[:2])
    across = path("b", Family.V6, reached=True)
    assert judged(FakeCluster(own=["default-deny"]), *BOTH_FAIL, across) == [None, None, None]


def test_another_source_is_no_excuse():
    seen = (path("a", Family.V4, reached=False), path("b", Family.V6, reached=False))
    assert judged(FakeCluster(own=["default-deny"]), *seen) == [None, None]
