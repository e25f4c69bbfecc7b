"""The model of scenarios: what is planned, how execs are shared, and that nobody waits for ever."""

import copy
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from dualstack.cluster.errors import ApiError
from dualstack.errors import UserError
from dualstack.play.conductor import Conductor
from dualstack.play.plan import Plan, make_plan, make_site
from dualstack.probes import rounds
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import Observation
from dualstack.probes.prober import Place, Prober
from dualstack.probes.rounds import Blocked, Tally, Target
from dualstack.probes.script import Answers, Request
from dualstack.profile.model import load
from dualstack.scenario.board import TOO_LATE, Board, NotSeen
from dualstack.scenario.create import Created
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import Objects, Paths
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step
from dualstack.scenario.targets import ClusterIPs
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

BOTH = ("10.0.0.1", "fd00::1")
NODES = tuple(
    Node(name=f"n{i}", ready=True, kubelet="v1.36.3", os="linux", internal_ips=BOTH) for i in range(3)
)
SURVEY = Survey(context=None, server="https://[::1]:6443", version="v1.36.3", nodes=NODES)
SITE = make_site(SURVEY, load("kubernetes")[0], image=None, peers=None)


def planned(*scenarios):
    return make_plan(SURVEY, SITE, scenarios, idle=None)


class One(Scenario):
    id = "one"
    on_every_node = ("client",)
    manifests = ("service-ipv4",)
    made = Created()
    paths = Probe(TCP, to=ClusterIPs("service-ipv4"))


class Same(Scenario):
    id = "one"


class Change(Created):
    """A step that changes an object."""

    def __init__(self, name):
        self.name_of_object = name

    @property
    def changes(self):
        return (self.name_of_object,)


class Greedy(Scenario):
    id = "greedy"
    manifests = ("service-ipv4",)
    changed = Change("service-ipv4")


class Lost(Scenario):
    id = "lost"
    manifests = ("service-ipv6",)
    paths = Probe(TCP, to=ClusterIPs("service-ipv4"))


@pytest.mark.parametrize(
    ("scenarios", "message"),
    [
        ((One, Same), "two scenarios have the id one"),
        ((One, Greedy), "greedy.changed changes service-ipv4, which scenario one uses too"),
        ((Lost,), "lost.paths names service-ipv4, which is not in manifests/service-ipv6.yaml"),
    ],
)
def test_scenarios_that_do_not_fit_are_one_line_before_anything_is_created(scenarios, message):
    with pytest.raises(UserError, match=message):
        planned(*scenarios)


def test_the_plan_is_the_sum_of_what_steps_need_and_of_nothing_else():
    plan = planned(One)
    assert [body["metadata"]["name"] for body in plan.objects()] == [
        "service-ipv4", "client-0", "client-1", "client-2",
    ]  # fmt: skip
    cost = plan.cost()
    assert (cost["pods"], cost["services"], cost["load balancers"]) == (3, 1, 0)
    assert cost["execs in a first round"] == 3
    assert cost["tcp requests in a first round"] == 3 * (1 + 1)
    assert {f"{each}" for each in plan.permissions() if not each.optional} == {
        "create namespaces", "get namespaces", "list namespaces", "delete namespaces", "create services",
        "delete services", "create pods", "list pods", "deletecollection pods", "get pods/exec",
        "create pods/exec",
    }  # fmt: skip


def test_thirty_scenarios_side_by_side_share_execs(monkeypatch):
    """A node sees at most five execs a round, however many scenarios ask."""
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    seen = Counter()

    def execute(place, lines):
        seen[place] += 1
        time.sleep(0.05)
        answers = Answers()
        for line in lines:
            id_ = line.split()[1]
            answers.curl[id_] = {"http_code": 200}
            answers.files["body", id_] = "[fd00::9]:1" if line.endswith("whoami") else "s"
        return answers

    prober = Prober(execute)

    ports = {"hostname": 80, "clientip": 82}

    def scenario(n):
        tallies = [
            Tally(Target(TCP, node, "t", "IPv6", f"fd00::{n}", ports, wanted=frozenset(["s"])))
            for node in ("n0", "n1", "n2")
        ]
        rounds.one_round(
            tallies, lambda node, requests, first: prober.ask(Place("client", node), requests, first)
        )
        assert all(tally.done_at for tally in tallies)

    threads = [threading.Thread(target=scenario, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert set(seen) == {Place("client", node) for node in ("n0", "n1", "n2")}
    assert max(seen.values()) <= 5, seen
    assert sum(each.first for each in prober.log) == 30 * 3 * 2


def test_whatever_ends_an_exec_every_asker_hears_of_it():
    def execute(place, lines):
        raise MemoryError("no more")

    prober = Prober(execute)
    futures = [prober.ask(Place("client", "n0"), [Request("ping", str(n), "::1")]) for n in range(5)]
    for future in futures:
        with pytest.raises(MemoryError):
            future.result(timeout=5)


class Value(Step[Objects]):
    """A step that does what a test says."""

    result = Objects

    def __init__(self, act):
        self.act = act

    def needs(self, site):
        return Needs()

    def run(self, stage):
        return self.act(stage)


class FakeCluster:
    def create(self, path, body):
        return body | {"metadata": body["metadata"] | {"uid": "u"}}

    def list(self, path, **query):
        return []


class FakeOwner:
    namespace, created, selector = "ns", (), ""

    def __init__(self):
        self.removed = 0

    def create_namespace(self, labels):
        pass

    def create(self, body):
        return body

    def remove(self, deadline):
        self.removed += 1
        return []


def played(tmp_path: Path, *scenarios):
    board = Board(tmp_path / "observations")
    stage = Stage(FakeCluster(), FakeOwner(), SITE, board, say=lambda line: None)
    return Conductor(stage, Plan(SITE, scenarios, {}))


def test_a_step_that_fails_fails_the_later_ones_with_its_reason(tmp_path):
    def gone(stage):
        raise NotSeen("the API server said no")

    class Failing(Scenario):
        id = "failing"
        first = Value(gone)
        second = Value(lambda stage: Objects(objects={}))

    class Whole(Scenario):
        id = "whole"
        only = Value(lambda stage: Objects(objects={}))

    conductor = played(tmp_path, Failing, Whole)
    conductor.start()
    with pytest.raises(NotSeen, match="the API server said no"):
        conductor.stage.board.wait(Failing.second)
    assert Board(tmp_path / "observations").wait(Whole.only) == Objects(objects={}), "in another process"
    assert conductor.finish(early=False) == []
    assert conductor.crash is None


def test_a_thread_that_dies_ends_the_run_and_is_reported(tmp_path):
    class Dying(Scenario):
        id = "dying"
        only = Value(lambda stage: 1 / 0)

    conductor = played(tmp_path, Dying)
    conductor.start()
    with pytest.raises(NotSeen, match="ZeroDivisionError in scenario dying"):
        conductor.stage.board.wait(Dying.only)
    conductor.finish(early=False)
    assert "ZeroDivisionError" in conductor.crash
    assert conductor.stage.owner.removed == 1


def test_a_full_disk_ends_all_waits(tmp_path, monkeypatch):
    class Waiting(Scenario):
        id = "waiting"
        only = Value(lambda stage: Objects(objects={}))

    class Resting(Scenario):
        id = "resting"
        only = Value(lambda stage: stage.board.wait(Waiting.only))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    conductor = played(tmp_path, Waiting, Resting)
    monkeypatch.setattr(Path, "write_text", full)
    conductor.start()
    conductor.finish(early=False)
    assert "No space left on device" in conductor.stage.board.trouble
    for step in (Waiting.only, Resting.only):
        with pytest.raises(NotSeen, match="No space left"):
            conductor.stage.board.wait(step)
    with pytest.raises(NotSeen, match=TOO_LATE):
        Board(tmp_path / "observations").wait(Waiting.only)


def test_an_owner_that_is_gone_ends_a_wait(tmp_path):
    class Never(Scenario):
        id = "never"
        only = Value(None)

    with pytest.raises(NotSeen, match=TOO_LATE):
        Board(tmp_path).wait(Never.only)


def path(target, *, kind="tcp", reached=True, blocked=None):
    return Observation(
        kind=kind,
        source="n0",
        target=target,
        family="IPv6",
        reached=reached,
        blocked=blocked,
        error="no",
    )


def test_silence_counts_only_where_the_same_path_spoke_before():
    judge = Judge()
    seen = [path("a"), path("b"), path("c"), path("a", kind="udp")]
    control = [path("a"), path("b", reached=False)]
    assert [each.target for each in judge.paths(seen, "paths", control=control)] == ["a"]
    causes = {finding.target: finding.cause for finding in judge.findings}
    assert "did not answer before either: no" in causes["b"]
    assert "it was not asked" in causes["c"]
    assert {finding.verdict for finding in judge.findings} == {Verdict.NOT_JUDGED}


def test_no_path_at_all_is_not_green():
    judge = Judge()
    assert list(judge.paths([], "pairs of nodes")) == []
    assert judge.findings[0].verdict is Verdict.BREAKS


def test_a_blocked_exec_is_not_taken_for_silence():
    def execute(place, lines):
        raise Blocked("forbidden", final=True)

    future = Prober(execute).ask(Place("client", "n0"), [Request("ping", "0", "::1")])
    with pytest.raises(Blocked, match="forbidden"):
        future.result(timeout=5)


def test_results_are_typed_by_their_step(tmp_path):
    board = Board(tmp_path)
    board.publish(One.paths, Paths(observations=(path("a"),)))
    assert Board(tmp_path).wait(One.paths).of(TCP) == (path("a"),)
    assert (tmp_path / "one.paths.json").exists()


def test_pods_that_openshift_refuses_for_their_user_are_asked_for_without_one(tmp_path):
    """restricted-v2 has a range of users for each namespace, and 65534 is in none."""
    asked = []

    class Owner(FakeOwner):
        def create(self, body):
            asked.append(copy.deepcopy(body))
            if body["kind"] == "Pod" and "runAsUser" in body["spec"]["securityContext"]:
                words = "unable to validate against any security context constraint: no such user"
                raise ApiError(403, "create", "pods", "Forbidden", words)
            return body

    stage = Stage(FakeCluster(), Owner(), SITE, Board(tmp_path / "observations"), say=lambda line: None)
    conductor = Conductor(stage, planned(One))
    conductor._create()
    assert stage.refused == {}
    client = asked[-1]
    assert client["spec"]["securityContext"]["runAsNonRoot"] is True
    assert not {"runAsUser", "runAsGroup"} & set(client["spec"]["securityContext"])
