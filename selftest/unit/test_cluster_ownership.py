"""The footprint contract, against a server that keeps what it is given."""

import re
import threading
import time
from urllib.parse import parse_qs

import pytest
from api_server import certificate, cluster, serving

from dualstack.cluster import api, ownership
from dualstack.cluster.errors import ApiError
from dualstack.cluster.ownership import EXPIRES, MANAGED_BY, RUN_LABEL, Ownership

NAMESPACE = "/api/v1/namespaces/dualstack-r1"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {}}


class Store:
    """Objects by path. A namespace that is deleted goes when what is in it is gone, as a real one does."""

    def __init__(self):
        self.objects = {}
        self.stuck = False
        self.deaf_to = None  # a path whose POST is carried out, but never answered
        self.forbidden = ()
        self.not_yet = []  # reasons why the next creations are refused
        self.slow = None  # an event that creations wait for

    def answer(self, method, path, headers, body):
        path, _, query = path.partition("?")
        self.selector = parse_qs(query).get("labelSelector", [""])[0]
        if method == "POST" and self.slow:
            self.slow.wait()
        if method == "POST" and self.not_yet:
            return 403, {"reason": "Forbidden", "message": self.not_yet.pop(0)}
        if (method, path) in self.forbidden:
            return 403, {"reason": "Forbidden", "message": "no"}
        return getattr(self, method.lower())(path, body)

    def post(self, path, body):
        full = f"{path}/{body['metadata']['name']}"
        if full in self.objects:
            return 409, {"reason": "AlreadyExists", "message": "exists"}
        self.objects[full] = body | {"metadata": body["metadata"] | {"uid": f"uid-of-{full}"}}
        return None if path == self.deaf_to else (201, self.objects[full])

    def get(self, path, _):
        if path in self.objects:
            return 200, self.objects[path]
        if re.search("/namespaces/[^/]+$", path):
            return 404, {"reason": "NotFound", "message": "gone"}
        return 200, {"items": [each for _, each in self.selected(path)]}

    def selected(self, path):
        wanted = dict([self.selector.split("=")] if self.selector else [])
        return [
            (name, each)
            for name, each in self.objects.items()
            if name.startswith(path + "/") and each["metadata"].get("labels", {}).items() >= wanted.items()
        ]

    def delete(self, path, options):
        found = self.objects.get(path)
        wanted = options.get("preconditions", {}).get("uid")
        if found and wanted not in (None, found["metadata"]["uid"]):
            return 409, {"reason": "Conflict", "message": "another"}
        if not self.stuck and self.selector:
            for name, _ in self.selected(path):
                del self.objects[name]
        elif not self.stuck:
            kept = {name for name in self.objects if not f"{name}/".startswith(f"{path}/")}
            self.objects = {name: self.objects[name] for name in kept}
        return 200, {}


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def one(store, tmp_path):
    with serving(tmp_path, store.answer) as port:
        yield cluster(port, tmp_path / "server.crt")


@pytest.fixture
def owner(one):
    return Ownership(one, "r1", 3600)


def test_everything_is_stamped_and_in_one_namespace(store, owner):
    owner.create_namespace({"extra": "label"})
    owner.create(POD)
    owner.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}})
    assert owner.created == [
        ("Namespace", None, "dualstack-r1"),
        ("Pod", "dualstack-r1", "p"),
        ("Deployment", "dualstack-r1", "d"),
    ]
    assert set(store.objects) == {
        NAMESPACE,
        f"{NAMESPACE}/pods/p",
        "/apis/apps/v1/namespaces/dualstack-r1/deployments/d",
    }
    for each in store.objects.values():
        assert each["metadata"]["labels"].items() >= {MANAGED_BY, (RUN_LABEL, "r1")}
        assert each["metadata"]["labels"][EXPIRES].isdecimal()
    assert store.objects[f"{NAMESPACE}/pods/p"]["metadata"]["labels"]["a"] == "b"
    assert "namespace" not in POD["metadata"]


def test_nothing_is_asked_where_nothing_was_created(tmp_path):
    certificate(tmp_path, "server")
    assert Ownership(cluster(1, tmp_path / "server.crt"), "r1", 3600).remove(deadline=0) == []


def test_what_is_removed_is_gone_and_may_be_removed_again(store, owner):
    owner.create_namespace({})
    owner.create(POD)
    assert owner.remove(deadline=5) == []
    assert owner.remove(deadline=5) == []
    assert store.objects == {}
    assert owner.left() == []


def test_what_does_not_go_is_named(store, owner):
    owner.create_namespace({})
    owner.create(POD)
    store.stuck = True
    assert owner.remove(deadline=0.2) == [
        ("Namespace", None, "dualstack-r1"),
        ("Pod", "dualstack-r1", "p"),
    ]


def test_a_namespace_is_removed_even_if_the_answer_to_its_creation_was_lost(store, owner):
    store.deaf_to = "/api/v1/namespaces"
    owner.create_namespace({})
    assert owner.created == [("Namespace", None, "dualstack-r1")]
    assert owner.remove(deadline=5) == []
    assert store.objects == {}


def test_a_namespace_that_appears_only_after_the_run_was_ended_is_removed(store, owner):
    """Ctrl-C while a webhook sits on its creation: at first there is nothing to see."""
    store.slow = threading.Event()
    creation = threading.Thread(target=owner.create_namespace, args=({},))
    creation.start()
    threading.Timer(0.8, store.slow.set).start()
    assert owner.remove(deadline=5) == []
    creation.join()
    assert store.objects == {}


@pytest.mark.parametrize(
    "words",
    [
        'error looking up service account dualstack-r1/default: serviceaccount "default" not found',
        'pods "p" is forbidden: status unknown for quota: compute, resources: pods',
        "unable to find annotation openshift.io/sa.scc.uid-range",
    ],
)
def test_what_a_new_namespace_does_not_have_yet_is_waited_for(store, owner, words):
    owner.create_namespace({})
    store.not_yet = [words, words]
    owner.create(POD)
    assert f"{NAMESPACE}/pods/p" in store.objects


def test_a_refusal_for_good_is_not_tried_again(store, owner):
    owner.create_namespace({})
    store.not_yet = ["pods are forbidden here"] * 2
    with pytest.raises(ApiError):
        owner.create(POD)
    assert len(store.not_yet) == 1


def test_a_namespace_is_made_without_labels_that_a_policy_refuses(store, owner):
    store.not_yet = ["the label pod-security.kubernetes.io/enforce is the platform's"]
    owner.create_namespace({"pod-security.kubernetes.io/enforce": "privileged"})
    assert "pod-security.kubernetes.io/enforce" not in store.objects[NAMESPACE]["metadata"]["labels"]


def test_in_a_given_namespace_our_objects_go_and_everything_else_stays(store, one):
    store.post("/api/v1/namespaces", {"metadata": {"name": "site"}})
    store.post("/api/v1/namespaces/site/pods", {"metadata": {"name": "theirs"}})
    owner = Ownership(one, "r1", 3600, "site")
    owner.create_namespace({})
    for kind, version in (("Pod", "v1"), ("Service", "v1"), ("Deployment", "apps/v1")):
        owner.create({"apiVersion": version, "kind": kind, "metadata": {"name": kind.lower()}})
    assert len(owner.left()) == 3
    assert owner.remove(deadline=5) == []
    assert set(store.objects) == {"/api/v1/namespaces/site", "/api/v1/namespaces/site/pods/theirs"}


def test_leftovers_in_a_given_namespace_are_swept_by_label_and_expiry(store, one):
    killed, alive = Ownership(one, "r0", -10, "site"), Ownership(one, "r1", 3600, "site")
    for owner, name in ((killed, "old"), (alive, "new")):
        owner.create(POD | {"metadata": {"name": name}})
    store.post("/api/v1/namespaces/site/pods", {"metadata": {"name": "theirs"}})
    assert ownership.sweep(one, time.time(), "site") == ["old"]
    assert sorted(name.rpartition("/")[2] for name in store.objects) == ["new", "theirs"]


def test_what_is_busy_going_is_told_from_what_nobody_asked_to_go(store, owner):
    owner.create_namespace({})
    assert not owner.is_ending()
    store.objects[NAMESPACE]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert owner.is_ending()


def test_a_namespace_of_that_name_which_is_not_ours_stays(store, owner):
    store.post("/api/v1/namespaces", {"metadata": {"name": "dualstack-r1"}})
    with pytest.raises(ApiError) as raised:
        owner.create_namespace({})
    assert raised.value.conflict
    assert owner.remove(deadline=5) == []
    assert NAMESPACE in store.objects


def test_who_may_not_look_still_removes_and_does_not_claim_that_it_is_gone(store, owner):
    store.forbidden = [("GET", NAMESPACE)]
    owner.create_namespace({})
    assert owner.remove(deadline=5) == [("Namespace", None, "dualstack-r1")]
    assert store.objects == {}


def test_no_answer_is_not_taken_for_gone(owner, one, monkeypatch):
    monkeypatch.setattr(api, "PATIENCE_SECONDS", 0.1)
    owner.create_namespace({})
    one.server = one.server.rpartition(":")[0] + ":1"
    assert owner.remove(deadline=5) == [("Namespace", None, "dualstack-r1")]
    assert owner.left() == [("Namespace", None, "dualstack-r1")]


def test_a_further_namespace_is_the_runs_and_goes_with_it(store, owner):
    owner.create_namespace({})
    further = owner.further("going")
    assert owner.remove(1) == []  # it was never made
    owner.create_namespace({})
    further.create_namespace({"extra": "label"})
    further.create(POD)
    made = [("Namespace", None, "dualstack-r1-going"), ("Pod", "dualstack-r1-going", "p")]
    assert owner.everything[-2:] == made
    assert store.objects[f"{NAMESPACE}-going"]["metadata"]["labels"][RUN_LABEL] == "r1"
    store.stuck = True
    assert set(owner.remove(0.2)) == {("Namespace", None, "dualstack-r1"), *made}
    store.stuck = False
    further.delete_namespace()
    assert (further.is_there(), owner.is_there()) == (False, True)
    assert owner.remove(1) == []
    assert store.objects == {}
