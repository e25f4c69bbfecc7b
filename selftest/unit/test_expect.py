"""What a site expects of its cluster: read strictly, held against API and wire, and laid side by side."""

import pytest
from factory import behaviour, report

from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.probes.observation import Observation
from dualstack.profile.expect import in_pool
from dualstack.profile.model import load
from dualstack.redaction.names import Pseudonyms
from dualstack.redaction.report import pseudonymous
from dualstack.report import html_page, markdown
from dualstack.report.expected import expected
from dualstack.report.model import Expected
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Paths, Pods, PodSeen
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

V4, V6 = Family.V4, Family.V6
RANGES = "pods: [10.244.0.0/16, 'fd00:244::/48']\nservices: [10.96.0.0/16, 'fd00:96::/112']\n"
IPS = ("10.244.0.9", "fd00:244::9")


def written(tmp_path, text, name="site.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def profile(tmp_path, text, name="kubernetes"):
    return load(name, expect=written(tmp_path, text))[0]


def node(index, first="192.0.2.1", **labels):
    ips = (first, "2001:db8::1" if ":" not in first else "192.0.2.1")
    return Node(name=f"node{index}", ready=True, kubelet="", os="linux", internal_ips=ips, labels=labels)


def survey(**facts):
    made = {
        "nodes": (node(0, pool="a"), node(1)),
        "service_ranges": ("10.96.0.0/16", "FD00:96:0::/112"),
        "pod_ranges": ("10.244.0.0/16", "fd00:244::/48"),
    }
    return Survey(context=None, server="", version="v1.36.3", **(made | facts))


def path(target, family, address, **more):
    answers = {"answered": 4, "reached": True, "rounds": 1}
    return Observation(
        kind="tcp", source="node0", target=target, family=family, address=address, **(answers | more)
    )


def causes(judge):
    return {(each.subject, each.family): each.cause for each in judge.findings if each.cause}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("pod: []", "pod: unknown key"),
        ("pods: [10.244.0.0/33]", "pods: '10.244.0.0/33' is not a range such as 10.244.0.0/16"),
        ("services: [10.96.0.0]", "services: '10.96.0.0' is not a range such as"),
        (
            "load-balancer-pools: [192.0.2.9-192.0.2.1]",
            "load-balancer-pools: '192.0.2.9-192.0.2.1' does not go",
        ),
        ("load-balancer-pools: ['192.0.2.1-::1']", "load-balancer-pools: '192.0.2.1-::1' does not go"),
        ("load-balancer-pools: [a-b]", "load-balancer-pools: 'a-b' is not a range such as"),
        ("nodes: [{labels: {a: b}}]", "nodes.0.count:"),
        ("nodes: [{count: -1}]", "nodes.0.count:"),
        ("egress: [192.0.2.1]", "egress: '192.0.2.1' is no ADDRESS:PORT"),
        ("primary-family: IPv5", "primary-family:"),
        ("- a", "expected expectations: a mapping"),
        (
            "primary-family: IPv6\nservices: [10.96.0.0/16]",
            "services: 10.96.0.0/16 comes first, and primary-family is IPv6",
        ),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(tmp_path, text, line):
    with pytest.raises(UserError) as raised:
        profile(tmp_path, text)
    assert str(raised.value).startswith(f"{tmp_path / 'site.yaml'}: {line}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("eks-ipv6", RANGES, "pods: 10.244.0.0/16 is IPv4, and profile eks-ipv6 promises IPv6 only"),
        (
            "eks-ipv6",
            "primary-family: IPv4",
            "primary-family: it is IPv4, and profile eks-ipv6 promises IPv6 only",
        ),
        (
            "aks-engine",
            "pods: ['fd00::/80']",
            "pods: fd00::/80 has no room for a node's /64 (promises.node-masks)",
        ),
    ],
)
def test_what_contradicts_the_profile_is_one_line(tmp_path, name, text, line):
    with pytest.raises(UserError) as raised:
        profile(tmp_path, text, name)
    assert str(raised.value) == f"{tmp_path / 'site.yaml'}: {line}"


def test_pools_contradict_a_profile_without_load_balancers(tmp_path):
    base = written(
        tmp_path, "name: s\ntitle: t\nextends: kubernetes\npromises: {load-balancer: none}", "profile.yaml"
    )
    with pytest.raises(UserError, match="load-balancer-pools: profile s promises no load balancer"):
        profile(tmp_path, "load-balancer-pools: [192.0.2.0/28]", str(base))


def test_a_network_with_ranges_of_its_own_may_have_small_ones(tmp_path):
    assert profile(tmp_path, "pods: ['fd00::/80']").expect.pods == ["fd00::/80"]


def test_addresses_outside_are_added_to_those_of_the_profile(tmp_path):
    base = written(tmp_path, "name: s\ntitle: t\negress: ['192.0.2.1:443', '192.0.2.2:443']", "profile.yaml")
    site = profile(tmp_path, "egress: ['192.0.2.2:443', '[2001:db8::1]:443']", str(base))
    assert site.egress == ["192.0.2.1:443", "192.0.2.2:443", "[2001:db8::1]:443"]


def test_what_is_expected_counts_for_the_digest_and_is_named_in_the_source(tmp_path):
    site, source = load("kubernetes", expect=written(tmp_path, RANGES))
    assert site.digest != load("kubernetes")[0].digest
    assert source == f"built-in, with the expectations of {tmp_path / 'site.yaml'}"


def test_a_pool_is_a_network_or_goes_from_one_address_to_another():
    pools = ["192.0.2.16/28", "2001:db8::10-2001:db8::1f"]
    inside, outside = ["192.0.2.16", "192.0.2.31", "2001:db8::1f"], ["192.0.2.32", "2001:db8::20", "::1"]
    assert [in_pool(each, pools) for each in (*inside, *outside)] == [True] * 3 + [False] * 3


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(test, text, *, seen=None, board_steps=None, name="kubernetes"):
        module, board, judge = suite_module("test_site"), Board(tmp_path), Judge()
        for step, value in (board_steps(module) if board_steps else {}).items():
            board.publish(step, value)
        given = {"board": board, "survey": seen or survey(), "judge": judge}
        given["profile"] = profile(tmp_path, text, name)
        function = getattr(module, test)
        wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
        function(**{key: given[key] for key in wanted})
        return judge

    return run


def with_pods(*ips):
    pod = PodSeen(name="p", role="client", node="node0", running=True, pod_ip=ips[0], pod_ips=ips)
    return lambda module: {module.ProbePods.running: Pods(pods=(pod,), seconds=1.0)}


def test_the_sites_ranges_however_they_are_spelled(judged):
    judge = judged("test_site_ranges", RANGES, board_steps=with_pods(*IPS))
    assert causes(judge) == {}
    assert {(each.subject, each.family) for each in judge.findings} == {
        (what, family) for what in ("pods", "services") for family in (V4, V6)
    }


@pytest.mark.parametrize(
    ("text", "facts", "broken"),
    [
        (RANGES.replace("fd00:244::", "fd00:245::"), {}, {("pods", V6)}),
        (RANGES.replace("10.96.", "10.97."), {}, {("services", V4)}),
        (RANGES, {"service_ranges": ("10.96.0.0/16",)}, {("services", V6)}),
        (RANGES.replace("fd00:244::/48", "fd00::/16"), {}, {("pods", V6)}),
        (RANGES, {"pod_ranges": ("172.16.0.0/16", "fd99::/48")}, set()),  # not where pods live
        (RANGES, {"service_ranges": (), "kubernetes_service_ip": "10.96.0.1"}, {("services", V6)}),
        (
            RANGES,
            {"service_ranges": (), "kubernetes_service_ip": "10.99.0.1"},
            {("services", V4), ("services", V6)},
        ),
    ],
)
def test_what_the_api_shows_otherwise_breaks(judged, text, facts, broken):
    judge = judged("test_site_ranges", text, seen=survey(**facts), board_steps=with_pods(*IPS))
    assert set(causes(judge)) == broken
    only = {each.verdict for each in judge.findings if each.cause} - {Verdict.BREAKS, Verdict.NOT_JUDGED}
    assert only == set()


def wire(*paths, services=()):
    return lambda module: {
        module.TcpPodToPod.paths: Paths(observations=paths),
        module.ServicePaths.paths: Paths(observations=tuple(services)),
    }


def test_what_was_on_the_wire_elsewhere_breaks(judged):
    inside = path("node1", V4, "10.244.1.1", clients_seen={"10.244.0.1": 4})
    masked = path("node1", V6, "fd00:244:0:1::1", clients_seen={"2001:db8::1": 4})
    vip = [path("s", V4, "10.96.3.3"), path("s", V6, "fd00:99::1")]
    found = causes(judged("test_site_wire", RANGES, board_steps=wire(inside, masked, services=vip)))
    assert found == {
        ("pods", V6): "2001:db8::1 lies outside of fd00:244::/48",
        ("services", V6): "fd00:99::1 lies outside of fd00:96::/112",
    }


def test_what_never_answered_tells_nothing(judged):
    silent = path("node1", V4, "10.244.1.1", answered=0, reached=False)
    judge = judged("test_site_wire", "pods: [10.244.0.0/16]", board_steps=wire(silent))
    assert [each.verdict for each in judge.findings] == [Verdict.NOT_JUDGED]


def test_the_primary_family_is_that_of_nodes_and_of_services(judged):
    assert causes(judged("test_site_primary_family", "primary-family: IPv4")) == {}
    seen = survey(nodes=(node(0), node(1, "2001:db8::1")))
    judge = judged("test_site_primary_family", "primary-family: IPv4", seen=seen)
    assert causes(judge) == {("first family of nodes", None): "another one is first on node1"}
    assert len(causes(judged("test_site_primary_family", "primary-family: IPv6"))) == 2


def test_groups_of_nodes_are_counted(judged):
    text = "nodes: [{labels: {pool: a}, count: 1}, {labels: {pool: b}, count: 1}, {count: 2}]"
    assert causes(judged("test_site_nodes", text)) == {("nodes pool=b", None): "there are 0, expected are 1"}


def rows():
    api, wired, outside = Judge(), Judge(), Judge()
    api("pods", True, family=V6, cause="", intent="fd00::/48", api="range fd00::/48")
    wired("pods", False, family=V6, cause="elsewhere", intent="fd00::/48", wire="9 paths answer")
    for source, holds in (("node0", True), ("node1", False)):
        outside("x", holds, cause="no", source=source, target="[2001:db8::1]:443")
    results = [
        behaviour("site-ranges", api, topic="site"),
        behaviour("site-wire", wired, topic="site"),
        behaviour("egress", outside, topic="egress"),
    ]
    return results, expected(results, ["[2001:DB8::1]:443"])


def test_intent_api_and_wire_are_one_row():
    assert rows()[1] == [
        Expected(
            promise="pods", family=V6, intent="fd00::/48", api="range fd00::/48", wire="9 paths answer",
            verdict=Verdict.BREAKS,
        ),
        Expected(
            promise="egress", family=V6, intent="[2001:DB8::1]:443", api=None,
            wire="connections from 1 of 2 nodes", verdict=Verdict.BREAKS,
        ),
    ]  # fmt: skip


def test_the_pages_have_the_three_columns_and_pseudonyms_hide_them():
    results, found = rows()
    made = report(*results).model_copy(update={"expected": found})
    for text in (markdown.render(made), html_page.render(made)):
        assert "What the site expects" in text
        assert "connections from 1 of 2 nodes" in text
    hidden = pseudonymous(made, Pseudonyms(b"0" * 32)).expected
    assert [each.wire for each in hidden] == ["9 paths answer", "connections from 1 of 2 nodes"]
    assert not {"fd00::/48", "[2001:DB8::1]:443"} & {each.intent for each in hidden}
