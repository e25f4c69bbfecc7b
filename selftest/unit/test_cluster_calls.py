"""Calls over a real TLS connection to loopback: errors as one line, retries counted, pages followed."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from api_server import certificate, cluster, serving

from dualstack.cluster import api, connect
from dualstack.cluster.connect import preflight
from dualstack.cluster.errors import ApiError
from dualstack.cluster.ownership import EXPIRES, MANAGED_BY, RUN_LABEL, sweep
from dualstack.cluster.permissions import Permission, denied
from dualstack.errors import UserError

VERSION = (200, {"gitVersion": "v1.36.3"})


def status(code, reason, message):
    return code, {"kind": "Status", "reason": reason, "message": message}


@pytest.fixture
def serve(tmp_path):
    """A function that serves an answer and gives the cluster that speaks to it."""
    with_exit = []

    def start(answer):
        manager = serving(tmp_path, answer)
        port = manager.__enter__()
        with_exit.append(manager)
        return cluster(port, tmp_path / "server.crt")

    yield start
    for manager in with_exit:
        manager.__exit__(None, None, None)


def refused(one):
    with pytest.raises(UserError) as raised:
        preflight(one)
    text = str(raised.value)
    assert "\n" not in text
    assert "secret-token" not in text
    return text


def test_the_version_is_asked_first_with_our_credentials(serve):
    seen = []

    def answer(method, path, headers, body):
        seen.append((method, path, headers["authorization"]))
        return VERSION

    assert preflight(serve(answer)).git_version == "v1.36.3"
    assert seen == [("GET", "/version", "Bearer secret-token")]


def test_a_server_that_is_down(tmp_path):
    certificate(tmp_path, "server")
    assert "connection refused" in refused(cluster(1, tmp_path / "server.crt"))


def test_a_certificate_that_is_not_trusted_is_not_tried_again(tmp_path):
    other, _ = certificate(tmp_path, "other")
    with serving(tmp_path, lambda *_: VERSION) as port:
        assert "certificate" in refused(cluster(port, other))
        distrusting = cluster(port, other)
        with pytest.raises(ApiError):
            distrusting.get("/version")
        assert distrusting.retries == []


def test_an_expired_token(serve):
    assert "expired" in refused(serve(lambda *_: status(401, "Unauthorized", "Unauthorized")))


def test_a_server_that_is_not_kubernetes(serve):
    assert "not as a Kubernetes API server" in refused(serve(lambda *_: (200, {"hello": "world"})))


def test_a_forbidden_call_names_verb_and_resource(serve):
    one = serve(lambda *_: status(403, "Forbidden", 'User "u" cannot list'))
    with pytest.raises(ApiError) as raised:
        one.list("/api/v1/namespaces/x/pods")
    assert str(raised.value).startswith("forbidden: list pods in namespace x")
    assert raised.value.forbidden


def test_pages_are_followed_and_a_changed_list_is_read_again(serve):
    state = {"gone": True}

    def answer(method, path, headers, body):
        if "continue=two" in path:
            if state.pop("gone", None):
                return status(410, "Expired", "too old")
            return 200, {"items": [{"n": 2}], "metadata": {}}
        return 200, {"items": [{"n": 1}], "metadata": {"continue": "two"}}

    one = serve(answer)
    assert one.list("/api/v1/nodes") == [{"n": 1}, {"n": 2}]
    assert len(one.retries) == 1


WAIT = {"Retry-After": "0"}
BUSY = (*status(429, "TooManyRequests", "slow down"), WAIT)
STARTING = (*status(503, "ServiceUnavailable", "starting"), WAIT)
DONE = (200, {"done": True})


@pytest.mark.parametrize(
    ("method", "answers", "repeated"),
    [
        ("GET", [BUSY, STARTING, DONE], 2),
        ("GET", [None, DONE], 1),
        ("POST", [BUSY, DONE], 1),
        ("POST", [STARTING, DONE], None),
        ("POST", [None, DONE], None),
        ("GET", [status(500, "InternalError", "etcdserver: leader changed"), DONE], 1),
        ("GET", [status(502, "", "bad gateway"), status(504, "", "gateway time-out"), DONE], 2),
        ("DELETE", [status(502, "", "bad gateway"), DONE], 1),
        ("POST", [status(429, "TooManyRequests", "no Retry-After"), DONE], 1),
        ("POST", [status(500, "InternalError", "etcdserver: leader changed"), DONE], None),
        ("GET", [status(401, "Unauthorized", "rotated"), DONE], 1),
        ("POST", [status(401, "Unauthorized", "rotated"), DONE], 1),
        ("GET", [status(404, "NotFound", "gone"), DONE], None),
    ],
)
def test_what_is_asked_again_is_what_cannot_be_done_twice(serve, monkeypatch, method, answers, repeated):
    """`repeated` is how often; None if the call fails at once."""
    monkeypatch.setattr(api, "RETRY_PAUSE_SECONDS", 0.01)
    coming = iter(answers)
    one = serve(lambda *_: next(coming))
    if repeated is None:
        with pytest.raises(ApiError):
            one.request(method, "/api/v1/nodes")
        assert one.retries == []
    else:
        assert one.request(method, "/api/v1/nodes") == {"done": True}
        assert len(one.retries) == repeated


def test_credentials_are_renewed_once_and_a_refusal_that_stays_is_final(serve):
    one = serve(lambda *_: status(401, "Unauthorized", "who are you?"))
    with pytest.raises(ApiError, match="who are you"):
        one.get("/version")
    assert len(one.retries) == 1


def test_patience_ends(serve, monkeypatch):
    monkeypatch.setattr(api, "RETRY_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(api, "PATIENCE_SECONDS", 1.0)
    one = serve(lambda *_: BUSY)
    with pytest.raises(ApiError, match="slow down"):
        one.get("/version")
    assert one.retries


def test_a_server_that_asks_for_more_than_our_patience_is_not_waited_for(serve):
    one = serve(lambda *_: (*status(429, "TooManyRequests", "tomorrow"), {"Retry-After": "86400"}))
    with pytest.raises(ApiError, match="tomorrow"):
        one.get("/version")


@pytest.mark.parametrize("told", [(302, {}, {"Location": "/elsewhere"}), (200, "text", {"X": "y"})])
def test_what_is_no_answer_of_kubernetes(serve, told):
    assert "v1" not in refused(serve(lambda *_: told))


@contextmanager
def port_that_says(reply, folder):
    """A port that answers one connection with these bytes and closes it; with None it stays silent."""
    certificate(folder, "server")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with server.accept()[0] as connection:
                connection.sendall(reply)

        thread = threading.Thread(target=answer if reply is not None else lambda: None)
        thread.start()
        yield cluster(server.getsockname()[1], folder / "server.crt")
        thread.join()


def test_a_connection_that_ends_within_the_tls_handshake_is_not_distrust(tmp_path):
    with port_that_says(b"", tmp_path) as one, pytest.raises(ApiError) as raised:
        one.request("GET", "/version", patient=False)
    assert raised.value.reason == api.BROKEN_OFF


def test_a_port_that_does_not_speak_tls(tmp_path):
    with port_that_says(b"HTTP/1.1 400 Bad\r\n\r\n", tmp_path) as one:
        assert "does this port speak HTTPS?" in refused(one)


def test_a_server_that_is_silent(tmp_path, monkeypatch):
    monkeypatch.setattr(connect, "VERSION_SECONDS", 0.3)
    with port_that_says(None, tmp_path) as one:
        assert "cannot be reached" in refused(one)


def test_a_name_that_is_not_in_the_certificate(tmp_path):
    with serving(tmp_path, lambda *_: VERSION) as port:
        one = cluster(port, tmp_path / "server.crt", host="localhost")
        assert "tls-server-name" in refused(one)


def test_a_name_that_is_in_the_certificate_by_another_name(tmp_path):
    with serving(tmp_path, lambda *_: VERSION) as port:
        one = cluster(port, tmp_path / "server.crt", host="localhost", tls_server_name="127.0.0.1")
        assert preflight(one).git_version == "v1.36.3"


def test_a_certificate_that_has_expired(tmp_path):
    certificate(tmp_path, "server", hours=(-2, -1))
    with serving(tmp_path, lambda *_: VERSION) as port:
        told = refused(cluster(port, tmp_path / "server.crt"))
    assert "expired" in told
    assert "renew" in told


def test_a_proxy_that_is_down_is_told_from_a_server_that_is_down(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    certificate(tmp_path, "server")
    assert "the proxy" in refused(cluster(2, tmp_path / "server.crt"))


def test_credentials_are_fetched_once_in_a_while_by_one_thread(serve):
    one = serve(lambda *_: VERSION)
    fetched = []

    def refresh(configuration):
        fetched.append(threading.current_thread())
        time.sleep(0.05)

    one.api.configuration.refresh_api_key_hook = refresh
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: one.get("/version"), range(32)))
    assert len(fetched) == 1


def test_an_invalid_object_is_not_sent_twice(serve):
    calls = []

    def answer(method, path, headers, body):
        calls.append(method)
        return status(422, "Invalid", "not configured on this cluster")

    one = serve(answer)
    with pytest.raises(ApiError) as raised:
        one.create("/api/v1/namespaces/x/services", {})
    assert raised.value.invalid
    assert calls == ["POST"]


def test_a_restarting_server_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(api, "RETRY_PAUSE_SECONDS", 0.02)
    with serving(tmp_path, lambda *_: VERSION) as port:
        pass
    one = cluster(port, tmp_path / "server.crt")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(one.get("/version")))
    asking.start()
    while not one.retries:  # refused at least once
        assert asking.is_alive()
    with serving(tmp_path, lambda *_: VERSION, port=port):
        asking.join(timeout=api.PATIENCE_SECONDS)
    assert answers == [VERSION[1]]


def test_only_expired_namespaces_of_ours_are_swept(serve):
    def namespace(name, expires, **labels):
        labels = dict([MANAGED_BY]) | labels
        return {
            "metadata": {"name": name, "uid": "u", "labels": labels | {EXPIRES: expires}},
        }

    deleted = []

    def answer(method, path, headers, body):
        if method == "DELETE":
            deleted.append(path)
            return 200, {}
        assert "labelSelector=app.kubernetes.io%2Fmanaged-by%3Ddualstack-conformance" in path
        items = [
            namespace("old", "100", **{RUN_LABEL: "a"}),
            namespace("new", "300", **{RUN_LABEL: "b"}),
            namespace("no-run", "100"),
            namespace("nonsense", "soon", **{RUN_LABEL: "c"}),
        ]
        return 200, {"items": items, "metadata": {}}

    assert sweep(serve(answer), now=200) == ["old"]
    assert deleted == ["/api/v1/namespaces/old"]


def test_missing_permissions_are_found_before_anything_is_done(serve):
    one = serve(lambda *_: (201, {"status": {"allowed": False}}))
    wanted = [Permission("create", "", "pods", "exec", "x")]
    assert [str(each) for each in denied(one, wanted)] == ["create pods/exec in namespace x"]


def test_where_asking_is_refused_the_real_call_tells(serve):
    one = serve(lambda *_: status(403, "Forbidden", "no"))
    assert denied(one, [Permission("create", "", "namespaces")]) == []
