"""Services of both families, their ranges and owners, on made-up answers of an API server."""

import pytest

from dualstack.scenario.allocated import AllocatedIp, AllocatedIps
from dualstack.scenario.attempts import AttemptSeen, AttemptsSeen
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Objects, ObjectSeen
from dualstack.scenarios.cluster_ips import Services
from dualstack.survey.model import ServiceCidr, Survey
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Verdict

V4, V6 = "10.96.0.7", "fd00:96::7"


def spec(*addresses, policy="RequireDualStack", port=30001):
    families = ["IPv6" if ":" in each else "IPv4" for each in addresses]
    return {
        "clusterIP": addresses[0] if addresses else None, "clusterIPs": list(addresses),
        "ipFamilies": families, "ipFamilyPolicy": policy, "ports": [{"nodePort": port}],
    }  # fmt: skip


def seen(name, *addresses, error=None, **more):
    made = spec(*addresses, **more) if addresses else None
    return ObjectSeen(name=name, kind="Service", asked={}, spec=made, error=error, refused=bool(error))


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(test, *, created=(), plain=(), step=None, value=None, survey=None):
        module, board, judge = suite_module("test_service_families"), Board(tmp_path), Judge()
        default = [seen("service-default", V4), seen("service-ipv4", V4), seen("service-ipv6", V6)]
        found = {each.name: each for each in (*default, *plain)}
        board.publish(Services.created, Objects(objects=found))
        for scenario in (module.ServiceFamilies, module.ServiceChanges):
            board.publish(scenario.created, Objects(objects={each.name: each for each in created}))
        if step:
            scenario, _, name = step.partition(".")
            board.publish(getattr(getattr(module, scenario), name), value)
        getattr(module, f"test_{test}")(board, judge)
        return [(finding.family, finding.verdict) for finding in judge.findings]

    return run


OK, BAD, UNSURE = Verdict.CONFORMS, Verdict.BREAKS, Verdict.NOT_JUDGED


@pytest.mark.parametrize(
    ("addresses", "verdicts"),
    [((V6, V4), [OK, OK]), ((V4, V6), [BAD, BAD]), ((V6,), [BAD, OK]), ((V4,), [BAD, BAD])],
)
def test_both_families_stand_in_the_order_that_was_asked_for(judged, addresses, verdicts):
    found = judged("service_dual_v6_first", created=[seen("service-dual-v6-first", *addresses)])
    assert [verdict for _, verdict in found] == verdicts


def test_what_one_family_alone_is_refused_too_is_not_judged_again(judged):
    refused = seen("service-dual-v4-first", error="422 Invalid")
    assert judged("service_dual_v4_first", created=[refused]) == [("IPv4", BAD), ("IPv6", BAD)]
    plain = [seen("service-ipv6", error="422 Invalid: not configured")]
    found = judged("service_dual_v4_first", created=[refused], plain=plain)
    assert found == [("IPv4", UNSURE), ("IPv6", UNSURE)]


def test_a_service_that_a_quota_forbids_is_not_judged(judged):
    forbidden = ObjectSeen(name="service-dual-v4-first", kind="Service", asked={}, error="403 quota")
    with pytest.raises(CannotJudge, match="quota"):
        judged("service_dual_v4_first", created=[forbidden])


def test_the_default_familys_order_counts_and_not_that_of_the_ranges(judged):
    """An admission policy may make Services IPv6 ones: that is service-default-family's finding, once."""
    plain = [seen("service-default", V6)]
    found = judged("service_prefer_dual", created=[seen("service-prefer-dual", V6, V4)], plain=plain)
    assert [verdict for _, verdict in found] == [OK, OK]


@pytest.mark.parametrize(
    ("now", "verdicts"),
    [
        (spec(V4, V6), [OK, OK, OK]),
        (spec(V4), [OK, BAD, OK]),
        (spec("10.96.0.8", V6), [OK, OK, BAD]),
        (spec(V4, V6, port=30002), [OK, OK, BAD]),
    ],
)
def test_an_upgrade_keeps_the_first_address_and_the_ports(judged, now, verdicts):
    value = AttemptsSeen(attempts=(AttemptSeen(what="both families", service="service-upgrade", spec=now),))
    found = judged(
        "service_policy_upgrade",
        created=[seen("service-upgrade", V4)],
        step="ServiceChanges.upgraded",
        value=value,
    )
    assert [verdict for _, verdict in found] == verdicts


def test_what_is_taken_that_should_be_refused_breaks(judged):
    attempts = (
        AttemptSeen(what="one", service="s", error="422 Invalid"),
        AttemptSeen(what="other", service="s", spec=spec(V4)),
    )
    value = AttemptsSeen(attempts=attempts)
    found = judged("service_invalid_rejected", step="ServiceFamilies.refused", value=value)
    assert [verdict for _, verdict in found] == [OK, BAD]


def test_named_addresses_are_compared_as_addresses(judged):
    def attempt(*given):
        return AttemptSeen(what=str(given), service="s", asked=(V4, V6), spec=spec(*given))

    value = AttemptsSeen(attempts=(attempt(V4, "FD00:96:0::7"), attempt(V6, V4), attempt(V4)))
    found = judged("service_explicit_cluster_ips", step="ServiceFamilies.explicit", value=value)
    assert [verdict for _, verdict in found] == [OK, BAD, BAD]


def test_ranges_are_ready_and_addresses_are_owned(suite_module, tmp_path):
    module, board = suite_module("test_service_ranges"), Board(tmp_path)
    cidrs = (
        ServiceCidr(name="kubernetes", cidrs=("10.96.0.0/16",), ready=True),
        ServiceCidr(name="more", cidrs=("fd00:96::/112",), why_not="it is going"),
    )
    survey = Survey(context=None, server="x", version="v1.36.3", service_cidrs=cidrs)
    judge = Judge()
    module.test_service_cidrs(survey, judge)
    assert [(f.subject, f.family, f.verdict) for f in judge.findings] == [
        ("ServiceCIDR kubernetes", None, OK), ("ServiceCIDR more", None, BAD),
        ("service ranges", "IPv4", OK), ("service ranges", "IPv6", BAD),
    ]  # fmt: skip
    ips = [(V4, "ns/s"), (V6, None), ("10.97.0.1", "ns/s"), ("10.96.0.9", "other/s")]
    addresses = tuple(AllocatedIp(service="s", address=ip, owner=own, expected="ns/s") for ip, own in ips)
    board.publish(module.AllocatedAddresses.allocated, AllocatedIps(addresses=addresses))
    judge = Judge()
    module.test_service_ip_in_range(board, survey, judge)
    assert [f.verdict for f in judge.findings] == [OK, BAD, BAD, BAD]
