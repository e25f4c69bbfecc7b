"""What runs already: how objects are reduced, how they are judged, and the worklist; on made-up objects."""

from types import SimpleNamespace

import factory
import pytest
from api_server import cluster, serving

from dualstack.redaction.names import Pseudonyms
from dualstack.redaction.report import pseudonymous
from dualstack.report import worklist
from dualstack.report.model import Report
from dualstack.scenario.board import Board
from dualstack.scenario.everywhere import Everywhere
from dualstack.scenario.workloads import (
    ObjectName,
    Workloads,
    agrees,
    count_ready,
    group_pods,
    namespace_of,
    service_facts,
    with_ready,
)
from dualstack.scenarios.workloads import Existing
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Verdict

BOTH, ONE = ["10.244.0.5", "fd00:244::5"], ["10.244.0.6"]


def pod(name="web-1", ips=BOTH, owner=("ReplicaSet", "web-5d4f"), phase="Running", **spec):
    metadata = {"name": name, "namespace": "shop", "labels": {"pod-template-hash": "5d4f"}}
    metadata["creationTimestamp"] = "2026-01-02T03:04:05Z"
    if owner:
        metadata["ownerReferences"] = [{"controller": True, "kind": owner[0], "name": owner[1]}]
    return {
        "metadata": metadata,
        "spec": {"nodeName": "node0"} | spec,
        "status": {"phase": phase, "podIPs": [{"ip": ip} for ip in ips], "podIP": ips[0] if ips else None},
    }


def service(name="web", ips=BOTH, policy="PreferDualStack", **spec):
    spec = {"clusterIPs": ips, "ipFamilyPolicy": policy, "selector": {"a": "b"}, "type": "ClusterIP"} | spec
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def slices(service="web", **ready):
    return [
        {
            "metadata": {"namespace": "shop", "labels": {"kubernetes.io/service-name": service}},
            "addressType": family,
            "endpoints": [{"addresses": ["x"], "conditions": {"ready": True}}] * count,
        }
        for family, count in ready.items()
    ]


def seen(pods=(), services=(), ready=(), unread=None):
    groups, host_pods = group_pods(pods)
    counts = count_ready(ready)
    facts = [with_ready(each, counts) for each in map(service_facts, services) if each]
    return Workloads(pods=groups, host_pods=host_pods, services=tuple(facts), unread=unread or {})


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(test, workloads, nodes=()):
        module, board = suite_module("test_workloads"), Board(tmp_path)
        judge = run.judge = Judge()
        board.publish(Existing.seen, workloads)
        survey = Survey(context=None, server="x", version="v1.36.3", nodes=nodes)
        more = (survey,) if test in ("existing_host_pods", "service_drift") else ()
        getattr(module, f"test_{test}")(board, *more, judge)
        return judge.findings

    return run


def broken(findings):
    return [(f.subject, f.family, f.remedy) for f in findings if f.verdict is Verdict.BREAKS]


def test_pods_of_one_family_are_one_finding_for_their_deployment(judged):
    pods = [
        pod(),
        pod("web-2", ONE),
        pod("web-3", ONE),
        pod("done", ONE, phase="Succeeded"),
        pod("n", ONE, hostNetwork=True),
    ]
    findings = judged("existing_pods", seen(pods))
    assert broken(findings) == [
        ("deployment shop/web", "IPv6", "kubectl -n shop rollout restart deployment/web")
    ]
    assert findings[0].evidence["pods"] == 2
    assert findings[-1].subject == "other pods in namespace shop"


@pytest.mark.parametrize(
    ("owner", "subject", "remedy"),
    [
        (("StatefulSet", "db"), "statefulset shop/db", "rollout restart statefulset/db"),
        (("ReplicaSet", "old"), "replicaset shop/old", "get replicaset/old (then recreate its pods)"),
        (None, "pod shop/1.a-9", "delete pod/1.a-9 (nothing makes it again: keep its manifest)"),
    ],
)
def test_the_command_fits_what_made_the_pods(judged, owner, subject, remedy):
    (found,) = broken(judged("existing_pods", seen([pod("1.a-9", ONE, owner)])))
    assert found == (subject, "IPv6", f"kubectl -n shop {remedy}")


def test_a_pod_in_its_nodes_network_has_the_nodes_present_addresses(judged):
    node = Node(name="node0", ready=True, kubelet="v1", os="linux", internal_ips=("10.0.0.1", "FD00:0::1"))
    well = pod("proxy", ["10.0.0.1", "fd00::1"], ("DaemonSet", "proxy"), hostNetwork=True)
    stale = pod("speaker", ["10.0.0.1", "fd00::2"], ("DaemonSet", "speaker"), hostNetwork=True)
    single = pod("agent", ["10.0.0.1"], ("DaemonSet", "agent"), hostNetwork=True)
    findings = judged("existing_host_pods", seen([well, stale, single]), (node,))
    assert [(subject, family) for subject, family, _ in broken(findings)] == [
        ("daemonset shop/speaker on node0", "IPv6"), ("daemonset shop/agent on node0", "IPv6"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ready", "family"),
    [({"IPv4": 2, "IPv6": 2}, None), ({"IPv4": 2, "IPv6": 1}, "IPv6"), ({"IPv4": 2}, "IPv6"), ({}, None)],
)
def test_a_service_has_as_many_endpoints_in_each_family(judged, ready, family):
    workloads = seen(services=[service()], ready=slices(**ready))
    findings = judged("endpoint_parity", workloads)
    assert [each[1] for each in broken(findings)] == ([family] if family else [])
    assert agrees(workloads.services[0]) is (family is None)


def test_services_that_are_not_what_they_ask_to_be(judged):
    drifted = [
        service("one", ONE),
        service("stale", ONE, "SingleStack"),
        service("open", type="LoadBalancer", loadBalancerSourceRanges=["10.0.0.0/8"]),
        service("name", type="ExternalName"),
        service("bare", ["None"], "RequireDualStack", ipFamilies=["IPv4", "IPv6"]),
    ]
    findings = judged("service_drift", seen(services=drifted, ready=slices("stale", IPv4=1, IPv6=1)))
    assert [(subject, family) for subject, family, _ in broken(findings)] == [
        ("service shop/one", "IPv6"), ("service shop/stale", "IPv6"), ("service shop/open", "IPv6"),
    ]  # fmt: skip
    assert findings[0].remedy == (
        'kubectl -n shop patch service/one --type=merge -p \'{"spec":{"ipFamilies":["IPv4","IPv6"]}}\''
    )


def test_what_may_not_be_read_is_not_judged(judged):
    for test in ("existing_pods", "existing_host_pods", "endpoint_parity", "service_drift"):
        refused = dict.fromkeys(("pods", "services", "endpointslices"), "forbidden: list")
        with pytest.raises(CannotJudge, match="forbidden"):
            judged(test, seen(unread=refused))
    with pytest.raises(CannotJudge, match="no pods to judge but the suite's own"):
        judged("existing_pods", seen())


def test_namespaces_that_may_not_be_read_are_counted_and_said(judged, tmp_path):
    """A user may read some namespaces and not list the whole."""
    listed = {"shop": [pod()], "bank": [pod("x", ONE)]}

    def answer(method, path, headers, body):
        path = path.split("?")[0]
        if path == "/api/v1/namespaces":
            return 200, {"items": [{"metadata": {"name": name}} for name in (*listed, "secret")]}
        *_, namespace, kind = path.split("/")
        if namespace in listed and kind == "pods":
            return 200, {"items": listed[namespace]}
        return 403, {"message": "no", "reason": "Forbidden"}

    with serving(tmp_path, answer) as port:
        stage = SimpleNamespace(
            cluster=cluster(port, tmp_path / "server.crt"), owner=SimpleNamespace(given=None)
        )
        reader = Everywhere(stage)
        groups, _ = group_pods(reader.each("/api/v1", "pods"))
        assert list(reader.each("/api/v1", "services")) == []
    assert (sum(group.count for group in groups), reader.closed) == (2, {"pods": ("secret",)})
    assert "forbidden: list services" in reader.unread["services"]
    closed = {"pods": (namespace_of("secret"),)}
    workloads = Workloads(pods=groups, unread=reader.unread, closed=closed)
    verdicts = {finding.subject: finding.verdict for finding in judged("existing_pods", workloads)}
    assert verdicts["pods of 1 namespaces"] is Verdict.NOT_JUDGED
    assert verdicts["deployment shop/web"] is Verdict.BREAKS


def test_odd_objects_are_reduced_without_a_traceback():
    odd = [
        {"metadata": {"name": "a"}},
        pod("no-address", []),
        pod("nonsense", ["x"]),
        pod("253" + "a" * 250, owner=None),
    ]
    groups, _ = group_pods(odd)
    assert sum(group.count for group in groups) == 3
    assert count_ready([{"metadata": {}}, {"metadata": {"labels": None}, "endpoints": None}]) == {}
    named = {"metadata": {"namespace": "s", "labels": {"kubernetes.io/service-name": "w"}}}
    assert count_ready([named | {"addressType": "FQDN", "endpoints": [{}]}]) == {("s", "w"): {"FQDN": 1}}
    assert service_facts({"metadata": {"name": "1.x"}}).type == "headless"


@pytest.fixture
def report(judged):
    pods = [pod("web-2", ONE), pod("node-1", ONE, ("DaemonSet", "node"))]
    judged("existing_pods", seen([*pods, pod("db", owner=("StatefulSet", "db"))]))
    return factory.report(factory.behaviour("existing-pods", judged.judge))


def test_the_worklist_has_a_command_for_each_object(report):
    text = "".join(worklist.render(report))
    assert "## shop: 2 objects" in text
    assert "- deployment shop/web\n" in text
    assert "        kubectl -n shop rollout restart daemonset/node\n" in text
    assert worklist.NOTHING in "".join(worklist.render(factory.healthy()))


def test_names_of_objects_have_pseudonyms_and_ordinary_words_stay(report):
    shown = pseudonymous(report, Pseudonyms(b"key"))
    text = Report.model_dump_json(shown) + "".join(worklist.render(shown))
    for name in ("shop", "web", "/node"):
        assert name not in text
    assert "node0" not in text
    assert "running pods of it" in text
    name = ObjectName(kind="deployment", namespace="shop", name="pod")
    keyed = Pseudonyms(b"key")
    place, other = keyed.learn_object(name.kind, name.namespace, name.name)
    assert keyed.text("deployment shop/pod: a running pod") == f"deployment {place}/{other}: a running pod"
