"""Waiting for pods: how long, and what is said of those that do not come."""

import time

import pytest

from dualstack.play.plan import make_site
from dualstack.profile.model import Timeouts, load
from dualstack.scenario import pods
from dualstack.scenario.board import Board
from dualstack.scenario.stage import Stage
from dualstack.survey.model import Node, Survey

RUNNING = {"containerStatuses": [{"state": {"running": {}}}], "podIP": "10.0.0.1", "podIPs": []}
CREATING = {"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}


class FakeCluster:
    """Pods of two nodes: the first runs at once, the second after a while; events as they are given."""

    def __init__(self, second_after, events):
        self.begun, self.second_after, self.events = time.monotonic(), second_after, events

    def list(self, path, **query):
        if path.endswith("/events"):
            return self.events
        if path.endswith("/nodes"):
            return [{"metadata": {"name": name}} for name in ("a", "b")]
        late = time.monotonic() - self.begun < self.second_after
        return [self.pod("client-0", RUNNING), self.pod("client-1", CREATING if late else RUNNING)]

    def pod(self, name, status):
        return {"metadata": {"name": name, "labels": {}}, "spec": {"nodeName": "n"}, "status": status}


class FakeOwner:
    namespace, selector = "ns", ""


def event(reason, message="", kind="Warning"):
    about = {"kind": "Pod", "name": "client-1"}
    return {"involvedObject": about, "type": kind, "reason": reason, "message": message}


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """A function that waits for both pods and returns them by node."""
    monkeypatch.setattr(pods, "PULL_POLL_SECONDS", 0.1)

    def wait(second_after, *events, bound=3.0):
        nodes = tuple(Node(name=name, ready=True, kubelet="v1.36.3", os="linux") for name in "ab")
        profile = load("kubernetes")[0].model_copy(update={"timeouts": Timeouts(pods=bound, stragglers=0.3)})
        survey = Survey(context="c", server="s", version="v1.36.3", nodes=nodes)
        site = make_site(survey, profile, image=None, peers=None)
        cluster = FakeCluster(second_after, list(events))
        stage = Stage(cluster, FakeOwner(), site, Board(tmp_path), say=lambda line: None)
        return stage.pods.running(["client"]).of("client")

    return wait


def test_an_image_that_is_being_pulled_is_waited_for_as_long_as_the_profile_says(clients):
    assert clients(1.5, event("Pulling", "Pulling image", "Normal"))["b"].running


def test_a_pod_that_nobody_acts_on_is_given_up_early(clients):
    begun = time.monotonic()
    straggler = clients(99)["b"]
    assert time.monotonic() - begun < 2
    assert "is the node's kubelet alive?" in straggler.trouble


def test_a_pull_that_never_ends_ends_at_the_profiles_bound(clients):
    assert not clients(99, event("Pulling", "Pulling image", "Normal"), bound=1.0)["b"].running


def test_a_pod_that_fails_says_what_its_container_printed(clients, monkeypatch):
    failed = {
        "phase": "Failed",
        "containerStatuses": [
            {"state": {"terminated": {"message": "\nError: unknown flag: --http-override\nUsage:"}}}
        ],
    }
    monkeypatch.setattr(FakeCluster, "list", lambda self, path, **_: [] if "events" in path else [
        self.pod("client-0", RUNNING), self.pod("client-1", failed)])  # fmt: skip
    assert clients(0)["b"].trouble == "failed: Error: unknown flag: --http-override"
