"""What kubectl would use, and one helpful line when it cannot be used."""

import pytest
import yaml

from dualstack.cluster.connect import connect
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
    monkeypatch.delenv("KUBECONFIG", raising=False)


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
