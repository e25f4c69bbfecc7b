"""--pseudonyms in a run: whatever ends it, nothing that it writes or prints holds a real name or address."""

import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from api_server import certificate, serving

from dualstack.places import ROOT

NODES = ("gandalf.corp.example", "frodo-0")
REAL = (*NODES, "corp-net", "corp-admin@prod", "10.11.", "fd12:3456", "api.corp.example", "jane@corp.example")


def node(name, number):
    """A node; the second lacks IPv6, so that something breaks and is told of."""
    addresses = [f"10.11.12.{number}", *([f"fd12:3456::{number}"] if number == 1 else [])]
    cidrs = [f"10.11.{128 + number}.0/24", f"fd12:3456:0:{number}::/64"]
    ready = {"type": "Ready", "status": "False" if number == 2 else "True",
             "message": f"kubelet of {name} on 10.11.12.{number} stopped posting"}  # fmt: skip
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs},
        "status": {
            "conditions": [ready],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "operatingSystem": "linux"},
            "addresses": [{"type": "InternalIP", "address": each} for each in addresses],
        },
    }


def healthy(method, path, headers, body):
    """A cluster that may be read, and in which nothing may be created."""
    path = path.split("?")[0]
    items = {
        "/api/v1/nodes": [node(name, number) for number, name in enumerate(NODES, 1)],
        "/apis/apps/v1/daemonsets": [{"metadata": {"namespace": "corp-net", "name": "calico-node"}}],
        "/apis/networking.k8s.io/v1/servicecidrs": [
            {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.11.200.0/24", "fd12:3456:0:f::/112"]}}
        ],
    }
    if path in items:
        return 200, {"items": items[path]}
    if path == "/version":
        return 200, {"gitVersion": "v1.36.3"}
    if path == "/api/v1/namespaces/kube-system":
        return 200, {"metadata": {"uid": "u-1"}}
    if method == "POST" and path.endswith("/selfsubjectaccessreviews"):
        return 201, {"status": {"allowed": False}}
    if path.endswith("/pods"):
        told = 'pods is forbidden: User "jane@corp.example" cannot list resource "pods"'
        return 403, {"reason": "Forbidden", "message": told}
    return 404, {"reason": "NotFound", "message": "no such thing"}


def without_names(method, path, headers, body):
    """A node that is not as nodes are: the suite itself trips over it."""
    if path.startswith("/api/v1/nodes"):
        return 200, {"items": [{"metadata": {"labels": {"gandalf.corp.example": "10.11.12.1"}}}]}
    return healthy(method, path, headers, body)


def slow(method, path, headers, body):
    if path.startswith("/api/v1/nodes"):
        time.sleep(3)
    return healthy(method, path, headers, body)


class Suite:
    """Runs of the suite against a stand-in for an API server, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, _ = certificate(folder, "server")

    def kubeconfig(self, port, host="127.0.0.1"):
        cluster = {"server": f"https://{host}:{port}", "certificate-authority": str(self.ca)}
        context = {"cluster": "corp.example", "user": "jane@corp.example"}
        path = self.folder / "config"
        path.write_text(
            yaml.safe_dump(
                {
                    "current-context": "corp-admin@prod",
                    "clusters": [{"name": "corp.example", "cluster": cluster}],
                    "users": [{"name": "jane@corp.example", "user": {"token": "t"}}],
                    "contexts": [{"name": "corp-admin@prod", "context": context}],
                }
            )
        )
        return path

    def run(self, config, *options, name="reports", key="a key", pseudonyms=True, **environment):
        """(exit status, output, the report's folder)"""
        reports = self.folder / name
        command = [sys.executable, "-m", "pytest", f"--kubeconfig={config}", f"--reports={reports}", *options]
        done = subprocess.run(
            [*command, *(["--pseudonyms"] if pseudonyms else [])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ
            | {"DUALSTACK_PSEUDONYM_KEY": key, "TMPDIR": str(self.folder), "COLUMNS": "90"}
            | environment,
        )
        return done.returncode, done.stdout + done.stderr, reports / "latest"


@pytest.fixture
def suite(tmp_path):
    return Suite(tmp_path)


def leaks(output, folder):
    """(where, real name) of everything that must not be seen."""
    texts = {"output": output} | {
        str(file): file.read_text(errors="replace")
        for file in folder.resolve().parent.rglob("*")
        if file.is_file()
    }
    assert len(texts) > 4
    return {(where, name) for where, text in texts.items() for name in REAL if name in text}


MOST = ("-v", "-ra", "--log-cli-level=DEBUG", "--showlocals", "--full-trace")


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["", "workers"])
def test_nothing_real_is_written_or_printed(suite, more):
    with serving(suite.folder, healthy) as port:
        own = f"--junitxml={suite.folder / 'reports/own.xml'}"
        status, output, folder = suite.run(suite.kubeconfig(port), *MOST, own, *more)
    assert status == 1, output
    assert leaks(output, folder) == set()
    report = json.loads((folder / "report.json").read_text())
    names = [each["name"] for each in report["cluster"]["nodes"]]
    assert all(re.fullmatch("node-[a-z2-7]{8}", name) for name in names)
    assert any(name in output for name in names), "it says the same on the terminal"
    assert (folder / "observations/probe-pods.running.json").exists()
    assert not list(suite.folder.glob("dualstack-*")), "the private folder is gone"


TRIPPED = """import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    if "node_ready" in item.name:
        name = "gandalf.corp.example"
        raise RuntimeError(f"{name} and much more so that it is cut: " + 9 * f"10.11.12.1 {name} ")
"""


def test_a_check_that_fails_itself_is_told_of_without_names(suite):
    (suite.folder / "tripped.py").write_text(TRIPPED)
    with serving(suite.folder, healthy) as port:
        _, output, folder = suite.run(
            suite.kubeconfig(port), *MOST, f"--junitxml={suite.folder / 'reports/own.xml'}",
            PYTEST_PLUGINS="tripped", PYTHONPATH=str(suite.folder),
        )  # fmt: skip
    assert "Traceback" in output
    assert re.search("RuntimeError: node-[a-z2-7]{8} and much more", output)
    assert leaks(output, folder) == set()


def test_the_real_names_are_there_without_the_option(suite):
    """So that the tests here can fail."""
    with serving(suite.folder, healthy) as port:
        _, output, folder = suite.run(suite.kubeconfig(port), "-v", "-ra", pseudonyms=False)
    found = leaks(output, folder.resolve())
    assert {name for where, name in found if where == "output"} >= {"frodo-0", "corp-admin@prod"}
    assert {name for _, name in found} >= {*NODES, "corp-admin@prod", "10.11.", "fd12:3456"}


@pytest.mark.parametrize(
    ("answer", "options", "status", "told"),
    [
        (without_names, (), 3, "an internal error of the suite (KeyError)"),
        (slow, ("--time-limit=0.5",), 2, "interrupted by the time limit of 0.5 s"),
        (healthy, ("--profile=nothing",), 4, "built-in profiles: aks-cilium, aks-engine, "),
        (healthy, ("--context=corp-admin@test",), 4, "there is no context"),
        (healthy, ("-k", "nothing-is-called-so"), 5, "no behaviour was selected"),
    ],
    ids=["crash", "time-limit", "profile", "context", "none-selected"],
)
def test_an_early_end_leaves_a_report_that_names_nothing(suite, answer, options, status, told):
    with serving(suite.folder, answer) as port:
        ended = suite.run(suite.kubeconfig(port), *MOST, *options)
    assert ended[0] == status, ended[1]
    assert leaks(*ended[1:]) == set()
    error = ET.parse(ended[2] / "junit.xml").find(".//testcase[@name='run-to-the-end']/error")
    assert told in error.get("message")


def test_a_server_that_cannot_be_reached_is_not_named(suite):
    with serving(suite.folder, healthy) as port:
        pass
    status, output, folder = suite.run(suite.kubeconfig(port, host="api.corp.example"))
    assert status == 4, output
    assert leaks(output, folder) == set()
    assert "https://server-" in output


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Reports with real names, by one key, and by another: a function that compares a fourth run with one."""
    suite = Suite(tmp_path_factory.mktemp("three"))
    with serving(suite.folder, healthy) as port:
        config = suite.kubeconfig(port)
        suite.run(config, name="real", pseudonyms=False)
        suite.run(config, name="one")
        suite.run(config, name="other", key="another key")

        def compared(name, *, pseudonyms=True):
            baseline = f"--baseline={suite.folder / name / 'latest'}"
            return suite.run(config, baseline, "--gate=new", name="new", pseudonyms=pseudonyms)

        yield compared


UNCHANGED = {"node-ready", "node-internal-ips", "service-cidrs"}  # the pretended cluster has none of these


def test_a_baseline_is_comparable_by_real_names_or_the_same_key(three):
    for name in ("real", "one"):
        status, output, folder = three(name)
        comparison = json.loads((folder / "comparison.json").read_text())
        assert leaks(output, folder) == set()
        assert (comparison["new"], comparison["incomparable"], comparison["context"]) == ([], [], [])
        assert {each["behaviour"] for each in comparison["unchanged"]} == UNCHANGED
        assert status == 0, "nothing is new"


def test_a_baseline_under_other_pseudonyms_is_one_line(three):
    status, output, folder = three("other")
    assert status == 4
    assert "its names are pseudonyms by key" in output
    assert leaks(output, folder) == set()
    status, output, _ = three("one", pseudonyms=False)
    assert status == 4
    assert "add --pseudonyms, with the same $DUALSTACK_PSEUDONYM_KEY" in output


def test_a_plan_names_nothing_and_leaves_nothing(suite):
    with serving(suite.folder, healthy) as port:
        status, output, _ = suite.run(suite.kubeconfig(port), "--plan")
    assert status == 0, output
    assert [name for name in REAL if name in output] == []
    assert not (suite.folder / "reports").exists()
    assert not list(Path(suite.folder).glob("dualstack-*"))
