"""The behaviours of Services' addresses, on made-up observations."""

import pytest

from dualstack.family import Family
from dualstack.probes.observation import Burst, Observation
from dualstack.profile.model import load
from dualstack.report.conclude import verdict_of
from dualstack.scenario.addresses import LoadBalancers, LoadBalancerSeen
from dualstack.scenario.board import Board
from dualstack.scenario.resolve import Resolved
from dualstack.scenario.seen import ObjectSeen, Paths, Pods, PodSeen
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Verdict

SERVERS = ("server-0", "server-1", "server-2")


def path(source, backends, *, target="service-ipv6", family=Family.V6, failed=0, **more):
    answered = sum(backends.values())
    return Observation(
        kind="tcp", source=source, target=target, family=family, address="fd00:96::1", rounds=3,
        requests=answered + failed, answered=answered, answered_by=backends,
        missing=tuple(set(SERVERS) - set(backends)), reached=set(SERVERS) <= set(backends), **more,
    )  # fmt: skip


@pytest.fixture
def judge_cluster_ips(suite_module, tmp_path):
    def run(*paths, direct=()):
        module, board, judge = suite_module("test_cluster_ip"), Board(tmp_path), Judge()
        pods = tuple(
            PodSeen(name=name, role="server", node=f"node{n}", running=True) for n, name in enumerate(SERVERS)
        )
        board.publish(module.ProbePods.running, Pods(pods=pods, seconds=1))
        board.publish(module.TcpPodToPod.paths, Paths(observations=tuple(direct)))
        board.publish(module.ServicePaths.paths, Paths(observations=paths))
        module.test_cluster_ip_tcp(board, judge)
        return judge.findings

    return run


def test_clients_that_each_stay_on_one_backend_are_no_break(judge_cluster_ips):
    """IPVS by source, ClientIP affinity put on by a policy: Kubernetes promises no spread to one client."""
    each = [path(f"node{n}", {name: 12}) for n, name in enumerate(SERVERS)]
    assert verdict_of(judge_cluster_ips(*each)) is Verdict.CONFORMS


def test_a_backend_that_nobody_is_sent_to_is_not_judged(judge_cluster_ips):
    each = [path(f"node{n}", {"server-0" if n else "server-1": 12}) for n in range(3)]
    (finding,) = [f for f in judge_cluster_ips(*each) if f.verdict is not Verdict.CONFORMS]
    assert finding.verdict is Verdict.NOT_JUDGED
    assert "server-2" in finding.cause


def test_one_node_that_never_meets_a_backend_beside_others_that_do_breaks(judge_cluster_ips):
    spread = dict.fromkeys(SERVERS, 4)
    findings = judge_cluster_ips(
        path("node0", spread), path("node1", spread), path("node2", {"server-0": 12})
    )
    assert [f.verdict for f in findings] == [Verdict.CONFORMS, Verdict.CONFORMS, Verdict.BREAKS]


def test_a_service_that_was_not_created_is_not_judged_and_breaks_nothing(judge_cluster_ips):
    blocked = Observation(
        kind="tcp", source="node0", target="service-ipv6", family=Family.V6,
        blocked="Service service-ipv6 was not created: forbidden: create services (exceeded quota)",
    )  # fmt: skip
    assert verdict_of(judge_cluster_ips(blocked)) is Verdict.NOT_JUDGED


def test_an_untried_direct_path_excuses_nothing(judge_cluster_ips):
    untried = Observation(
        kind="tcp", source="node0", target="node2", family=Family.V6, blocked="no server pod runs on node2"
    )
    spread = dict.fromkeys(SERVERS, 4)
    half = path("node0", {"server-0": 4, "server-1": 4}, failed=4)
    findings = judge_cluster_ips(half, path("node1", spread), direct=[untried])
    assert findings[0].verdict is Verdict.BREAKS


SERVICE = ObjectSeen(name="s", kind="Service", asked={"ipFamilies": ["IPv6"]}, spec={})


def balancer(name="load-balancer-ipv6", family=Family.V6, **more):
    service = more.pop("service", SERVICE)
    return LoadBalancerSeen(name=name, families=(family,), service=service, **({"noticed": True} | more))


@pytest.fixture
def judge_lb_ipv6(suite_module, tmp_path):
    def run(one, *, control=None, other=None):
        module, board, judge = suite_module("test_load_balancers"), Board(tmp_path), Judge()
        control = control or balancer("load-balancer-ipv4", Family.V4, addresses=("192.0.2.1",), seconds=1)
        other = other or balancer("load-balancer-ipv6-second", addresses=())
        seen = {each.name: each for each in (control, one, other)}
        board.publish(module.ExternalServices.given, LoadBalancers(load_balancers=seen))
        module.test_lb_ipv6(board, load("kubernetes")[0], judge)
        return judge.findings[0]

    return run


def names(v4=(), v6=(), trouble=None):
    return (
        Resolved(name="lb.example", family=Family.V4, addresses=v4),
        Resolved(name="lb.example", family=Family.V6, addresses=v6, trouble=trouble),
    )


def test_a_host_name_counts_for_the_families_that_it_has(judge_lb_ipv6):
    assert judge_lb_ipv6(balancer(resolved=names(v6=("2001:db8::1",)))).verdict is Verdict.CONFORMS
    only_v4 = judge_lb_ipv6(balancer(resolved=names(v4=("192.0.2.1",))))
    assert only_v4.verdict is Verdict.BREAKS
    assert "host name lb.example has no IPv6 address" in only_v4.cause
    with pytest.raises(CannotJudge, match="cannot be resolved"):
        judge_lb_ipv6(balancer(resolved=names(trouble="lb.example cannot be resolved here")))


def test_a_loopback_address_is_no_external_one(judge_lb_ipv6):
    found = judge_lb_ipv6(balancer(addresses=("::1",), not_external={"::1": "is a loopback address"}))
    assert found.verdict is Verdict.BREAKS
    assert "::1 is a loopback address" in found.cause


def test_no_service_at_all_is_told_in_the_apis_words(judge_lb_ipv6):
    refused = ObjectSeen(name="s", kind="Service", asked={}, error="forbidden: create services (quota)")
    gone = {"service": refused, "noticed": False}
    with pytest.raises(CannotJudge, match="quota"):
        judge_lb_ipv6(
            balancer(**gone),
            control=balancer("load-balancer-ipv4", Family.V4, **gone),
            other=balancer("load-balancer-ipv6-second", **gone),
        )


def test_a_flaw_of_a_service_path_is_told_with_its_count():
    judge = Judge()
    judge.service_path(
        path("node0", dict.fromkeys(SERVERS, 4), bursts=(Burst(tries=10, answered=4, error="reset"),))
    )
    assert judge.findings[0].verdict is Verdict.BREAKS
    assert judge.findings[0].cause == "only 4 of 10 tries were answered once it had converged: reset"
