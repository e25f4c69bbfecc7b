"""The footprint contract, against a server that keeps what it is given."""

import re

import pytest
from api_server import certificate, cluster, serving

from dualstack.cluster import api
from dualstack.cluster.errors import ApiError
from dualstack.cluster.ownership import EXPIRES, MANAGED_BY, RUN_LABEL, Ownership, left_behind

NAMESPACE = "/api/v1/namespaces/dualstack-r1"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {}}


class Store:
    """Objects by path. A namespace that is deleted goes when what is in it is gone, as a real one does."""

    def __init__(self):
        self.objects = {}
        self.stuck = False
        self.deaf_to = None  # a path whose POST is carried out, but never answered
        self.forbidden = ()

    def answer(self, method, path, headers, body):
        path = path.split("?")[0]
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
        return 200, {"items": [each for name, each in self.objects.items() if name.startswith(path + "/")]}

    def delete(self, path, options):
        found = self.objects.get(path)
        wanted = options.get("preconditions", {}).get("uid")
        if found and wanted not in (None, found["metadata"]["uid"]):
            return 409, {"reason": "Conflict", "message": "another"}
        if not self.stuck:
            self.objects = {name: each for name, each in self.objects.items() if not name.startswith(path)}
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


def test_what_is_removed_is_gone_and_may_be_removed_again(store, owner, one):
    owner.create_namespace({})
    owner.create(POD)
    assert owner.remove(deadline=5) == []
    assert owner.remove(deadline=5) == []
    assert store.objects == {}
    assert left_behind(one, "r1") == []


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
    with pytest.raises(ApiError) as raised:
        owner.create_namespace({})
    assert raised.value.unreachable
    assert NAMESPACE in store.objects
    assert owner.remove(deadline=5) == []
    assert store.objects == {}


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
    assert left_behind(one, "r1") == [("Namespace", None, "dualstack-r1")]
