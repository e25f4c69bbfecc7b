"""What kubectl would use, and one helpful line when it cannot be used."""

import base64

import pytest
import urllib3
import yaml
from api_server import certificate, serving
from kubernetes.config import incluster_config

from dualstack.cluster.connect import connect
from dualstack.cluster.errors import ApiError, ExecError
from dualstack.errors import UserError


def kubeconfig(path, *, server="https://127.0.0.1:1", user=None, current="one", contexts=("one",)):
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": server}}],
                "users": [{"name": "u", "user": user or {"token": "secret-token"}}],
                "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
                "current-context": current,
            }
        )
    )
    return path


@pytest.fixture(autouse=True)
def _nobody(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "KUBECONFIG",
        "KUBERNETES_SERVICE_HOST",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


def line(*arguments):
    with pytest.raises(UserError) as raised:
        connect(*arguments)
    text = str(raised.value)
    assert "\n" not in text
    assert "secret-token" not in text
    return text


def test_the_argument_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "b", server="https://[::1]:2")))
    assert connect(kubeconfig(tmp_path / "a"), None).server == "https://127.0.0.1:1"
    assert connect(None, None).server == "https://[::1]:2"


@pytest.mark.parametrize("user", [{"client-certificate-data": ""}, {"token": "secret-token"}])
def test_a_password_in_the_servers_url_is_used_and_not_shown(tmp_path, user):
    server = "https://jane:secret%2Dtoken@127.0.0.1:1/path"
    cluster = connect(kubeconfig(tmp_path / "a", server=server, user=user), None)
    assert cluster.server == "https://127.0.0.1:1/path"
    basic = f"Basic {base64.b64encode(b'jane:secret-token').decode()}"
    assert cluster.headers()["authorization"] == ("Bearer secret-token" if "token" in user else basic)


@pytest.mark.parametrize(
    "server", ["htps://u:secret-token@h", "https://u:secret-token/@h", "u:secret-token@h"]
)
def test_a_password_in_a_url_that_is_none_is_not_shown(tmp_path, server):
    assert "is not a URL" in line(kubeconfig(tmp_path / "a", server=server), None)


def test_then_the_home_folder(tmp_path):
    (tmp_path / "home/.kube").mkdir(parents=True)
    kubeconfig(tmp_path / "home/.kube/config")
    assert connect(None, None).context == "one"


def test_a_context_is_chosen_by_name(tmp_path):
    file = kubeconfig(tmp_path / "a", contexts=("one", "two"))
    assert connect(file, "two").context == "two"


def test_nothing_to_use_names_the_demo():
    assert "make demo" in line(None, None)


def test_no_such_file(tmp_path):
    assert line(tmp_path / "none", None) == f"{tmp_path / 'none'}: no such kubeconfig file"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("clusters: [", "not valid YAML"),
        ("hello", "this is not a kubeconfig"),
        ("kind: Config", "this is not a kubeconfig"),
    ],
)
def test_what_is_no_kubeconfig(tmp_path, content, told):
    (tmp_path / "a").write_text(content)
    assert told in line(tmp_path / "a", None)


def test_bytes_are_no_kubeconfig(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in line(tmp_path / "a", None)


def test_an_unknown_context_lists_the_known_ones(tmp_path):
    told = line(kubeconfig(tmp_path / "a", contexts=("one", "two")), "three")
    assert "'three'" in told
    assert "one, two" in told


def test_no_current_context(tmp_path):
    assert "--context" in line(kubeconfig(tmp_path / "a", current=""), None)


def test_a_missing_credential_plugin_is_named(tmp_path):
    plugin = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}
    assert "'no-such-plugin'" in line(kubeconfig(tmp_path / "a", user=plugin), None)


def test_a_missing_certificate_file_is_named(tmp_path):
    user = {"client-certificate": "/nowhere/cert.pem", "client-key": "/nowhere/key.pem"}
    assert "/nowhere/cert.pem" in line(kubeconfig(tmp_path / "a", user=user), None)


def test_files_are_merged_as_kubectl_does_the_first_wins(tmp_path, monkeypatch):
    first = kubeconfig(tmp_path / "a", server="https://127.0.0.1:1", current="")
    second = kubeconfig(tmp_path / "b", server="https://127.0.0.1:2", current="two", contexts=("two",))
    third = kubeconfig(tmp_path / "c", server="https://127.0.0.1:3", contexts=("three",), current="three")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'none'}::{second}:{third}")
    cluster = connect(None, None)
    assert (cluster.context, cluster.server) == ("two", "https://127.0.0.1:1")
    assert connect(None, "three").context == "three"
    assert f"{first}, {second}, {third}: there is no context 'x'; there are: one, three, two" in line(
        None, "x"
    )


def test_kubeconfig_variable_that_names_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert f"KUBECONFIG={tmp_path / 'none'}: no such file" in line(None, None)


def test_a_name_with_a_colon_is_one_file(tmp_path):
    assert connect(kubeconfig(tmp_path / "a:b"), None).context == "one"


def test_a_folder_is_no_kubeconfig(tmp_path):
    assert "cannot be read: Is a directory" in line(tmp_path, None)


def test_a_context_outside_of_any_kubeconfig():
    assert "--context two: there is no kubeconfig" in line(None, "two")


def test_a_pod_without_a_service_account(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", "/nowhere/token")
    assert "automountServiceAccountToken" in line(None, None)


def test_a_pod_with_a_service_account(tmp_path, monkeypatch):
    ca, _ = certificate(tmp_path, "server")
    (tmp_path / "token").write_text("secret-token")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    cluster = connect(None, None)
    assert (cluster.context, cluster.server) == (None, "https://[::1]:443")
    assert cluster.headers()["authorization"] == "bearer secret-token"


@pytest.mark.parametrize(
    "server", ["", "127.0.0.1:6443", "https://", "https://[::1:6443", "ftp://x", "https://x:y"]
)
def test_a_server_that_is_no_url(tmp_path, server):
    assert "not a URL such as" in line(kubeconfig(tmp_path / "a", server=server), None)


@pytest.mark.parametrize(
    "content",
    [
        "clusters: {a: b}",
        "clusters: [a]",
        "contexts: [{context: {cluster: c}}]",
        "users: [{name: 1}]",
        "users: [{name: a, user: b}]",
    ],
)
def test_entries_of_the_wrong_shape(tmp_path, content):
    (tmp_path / "a").write_text(content)
    assert "this is not a kubeconfig" in line(tmp_path / "a", None)


@pytest.mark.parametrize("missing", ["clusters", "users"])
def test_a_context_that_names_what_is_not_there(tmp_path, missing):
    file = kubeconfig(tmp_path / "a")
    document = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(document | {missing: []}))
    assert f"context one names {missing[:-1]} '{missing[0]}', which is not there" in line(file, None)


def test_paths_are_relative_to_their_own_file(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "token").write_text("from-a-file")
    cluster = connect(kubeconfig(folder / "a", user={"tokenFile": "token"}), None)
    assert cluster.headers()["authorization"] == "Bearer from-a-file"


@pytest.mark.parametrize("data", ["bm90IFBFTQ==", "%%%", "QUJ"])
def test_certificates_that_are_none(tmp_path, data):
    user = {"client-certificate-data": data, "client-key-data": data}
    told = line(kubeconfig(tmp_path / "a", user=user), None)
    assert str(tmp_path / "a") in told
    assert data not in told


def plugin(folder, script, **more):
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": "./plugin", "interactiveMode": "Never"} | more}


CREDENTIAL = (
    '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
    ' "status": {"token": "from-plugin"}}'
)


def test_a_credential_plugin_beside_its_kubeconfig_is_run(tmp_path):
    user = plugin(tmp_path, f"echo '{CREDENTIAL}'")
    assert (
        connect(kubeconfig(tmp_path / "a", user=user), None).headers()["authorization"]
        == "Bearer from-plugin"
    )


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo secret-token is expired >&2; exit 3", "ended with status 3; run it by hand"),
        ("echo nonsense", "no credentials"),
        ("echo {}", "no credentials"),
    ],
)
def test_a_credential_plugin_that_fails_does_not_make_us_anonymous(tmp_path, script, told):
    found = line(kubeconfig(tmp_path / "a", user=plugin(tmp_path, script)), None)
    assert told in found
    assert "secret-token" not in found


def test_the_hint_of_a_missing_plugin_is_passed_on(tmp_path):
    user = plugin(tmp_path, "", command="no-such-plugin", installHint="get it\nfrom there")
    assert "which is not installed: get it from there" in line(kubeconfig(tmp_path / "a", user=user), None)


def test_a_way_of_logging_in_that_is_no_more(tmp_path):
    user = {"auth-provider": {"name": "azure", "config": {"access-token": "secret-token"}}}
    assert "kubelogin convert-kubeconfig" in line(kubeconfig(tmp_path / "a", user=user), None)


@pytest.mark.parametrize("proxy", ["socks5://u:secret-token@127.0.0.1:1", "https://127.0.0.1:1", "nonsense"])
def test_a_proxy_that_cannot_be_used(tmp_path, monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    assert "cannot be used" in line(kubeconfig(tmp_path / "a"), None)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert connect(kubeconfig(tmp_path / "a"), None).context == "one"


@pytest.mark.parametrize(
    "spelling", ["fd00:30::2", "[fd00:30::2]", "fd00:30::/64", "[fd00:30::]/64", "FD00:30::2"]
)
def test_no_proxy_holds_for_ipv6_however_it_is_spelled(tmp_path, monkeypatch, spelling):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", f"example.org,{spelling}")
    cluster = connect(kubeconfig(tmp_path / "a", server="https://[fd00:30::2]:6443"), None)
    assert not isinstance(cluster.api.rest_client.pool_manager, urllib3.ProxyManager)


def test_impersonation_is_sent_with_calls_and_with_exec(tmp_path):
    """kubectl acts as the auditor; acting with the rights of the real user would be more than was given."""
    seen = []

    def answer(method, path, headers, body):
        seen.append(
            {name: headers.get_all(f"Impersonate-{name}") for name in ("User", "Group", "Extra-a%2Fb")}
        )
        return 403, {"message": "no"}

    user = {"token": "t", "as": "auditor", "as-groups": ["g1", "g2"], "as-user-extra": {"a/b": ["x"]}}
    with serving(tmp_path, answer) as port:
        config = kubeconfig(tmp_path / "a", server=f"https://127.0.0.1:{port}", user=user)
        document = yaml.safe_load(config.read_text())
        document["clusters"][0]["cluster"]["certificate-authority"] = str(tmp_path / "server.crt")
        config.write_text(yaml.safe_dump(document))
        cluster = connect(config, None)
        with pytest.raises(ApiError):
            cluster.get("/api/v1/nodes")
        with pytest.raises(ExecError):
            cluster.exec("n", "p", "c", ["true"], timeout=5)
    assert seen == [{"User": ["auditor"], "Group": ["g1", "g2"], "Extra-a%2Fb": ["x"]}] * 2
