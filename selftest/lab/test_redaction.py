"""Secrets are planted wherever a run comes by; none may show in anything that it leaves behind.

Nor may a real name under pseudonyms. The cluster has an azure.json on its nodes, which holds a secret.
"""

import base64
import contextlib
import json
import re
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import yaml
from suite import PYTHON, judge, lab

import lab as cluster

pytestmark = [pytest.mark.lab, pytest.mark.parametrize("variant", ["aks-engine"], scope="module")]

PLUGIN = """#!/bin/sh
echo "debug: canary-stderr-of-the-plugin" >&2
test "$1" = works || exit 3
echo '{"apiVersion": "API", "kind": "ExecCredential", "status": {"token": "TOKEN"}}'
"""
PLUGIN_API = "client.authentication.k8s.io/v1"
FORMATS = ("json", "html", "markdown", "junit", "ctrf", "csv", "prometheus", "sign-off")
EVERYTHING = ("--profile=aks-engine", "-v", "-ra", "--showlocals", "--full-trace", "--log-cli-level=DEBUG")
ADDRESS = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])|\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d))"
)


def forms(secret):
    """The secret as it may stand in a file: plain, quoted, and in base64 at each of its three offsets."""
    raw = secret.encode()
    yield secret
    yield quote(secret)
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).decode()
        kept = encoded[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6]
        yield from {kept, kept.translate(str.maketrans("+/", "-_"))}


def found(needles, texts):
    """(where, needle) of every needle that is there."""
    return {(where, needle) for where, text in texts.items() for needle in needles if needle in text}


def addresses_in(text):
    for each in ADDRESS.findall(text):
        with contextlib.suppress(ValueError):
            yield ip_address(each)


def dualstack(*words):
    done = subprocess.run(
        [PYTHON, "-m", "dualstack.cli", "report", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def artefacts(folder, *judged):
    """Every text that runs left in `folder` or printed, and every view of their reports."""
    texts = {
        str(file.relative_to(folder)): file.read_text(errors="replace")
        for file in folder.rglob("*")
        if file.is_file()
    }
    assert {Path(name).name for name in texts} >= {"report.json", "report.html", "junit.xml", "report.md"}
    for run in judged:
        texts[f"output of {run.folder.name}"] = run.output
        for name in FORMATS:
            texts[f"{name} of {run.folder.name}"] = dualstack("render", str(run.folder), "--format", name)
    return texts


def body_of(pem):
    """The longest lines of a key in PEM: the key itself."""
    return [line for line in pem.splitlines() if len(line) > 60]


class Planted:
    """A folder with kubeconfigs and keys, and the canaries in them and in the cluster."""

    def __init__(self, folder, key):
        self.folder = folder
        admin = yaml.safe_load(Path(cluster.kubeconfig()).read_text())
        (user,) = (each["user"] for each in admin["users"])
        self.signing_key = folder / "key.pem"
        openssl = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(self.signing_key)]
        subprocess.run(openssl, check=True, capture_output=True)
        self.token = lab("outside", "--", "kubectl", "create", "token", "default", "-n", "default")
        self.canaries = [
            "canary-bearer-token",
            "canary-user",
            "canary:pass word",
            "canary-in-the-kubeconfig",
            "canary-stderr-of-the-plugin",
            "canary-value-of-a-secret",
            "canary-secret-that-must-never-show-up",  # in azure.json on the lab's nodes
            key,
            self.token,
            self.token.rpartition(".")[2],
            *body_of(base64.b64decode(user["client-key-data"]).decode()),
            *(line for line in self.signing_key.read_text().splitlines() if "KEY" not in line),
        ]
        (server,) = {each["cluster"]["server"] for each in admin["clusters"]}
        login = f"https://canary-user:{quote('canary:pass word')}@"
        for each in admin["clusters"]:
            each["cluster"]["server"] = server.replace("https://", login)
        admin["preferences"] = {"extensions": [{"name": "x", "extension": "canary-in-the-kubeconfig"}]}
        (context,) = admin["contexts"]
        user["token"] = "canary-bearer-token"  # the certificate is asked first
        for name in ("works", "fails"):
            plugin = {
                "apiVersion": PLUGIN_API,
                "command": str(folder / "plugin"),
                "args": [name],
                "interactiveMode": "Never",
                "env": [{"name": "X", "value": "canary-in-the-kubeconfig"}],
            }
            admin["users"].append({"name": name, "user": {"exec": plugin}})
            admin["contexts"].append({"name": name, "context": context["context"] | {"user": name}})
        (folder / "plugin").write_text(PLUGIN.replace("API", PLUGIN_API).replace("TOKEN", self.token))
        (folder / "plugin").chmod(0o755)
        self.kubeconfig = str(folder / "kubeconfig")
        Path(self.kubeconfig).write_text(yaml.safe_dump(admin))

    @property
    def needles(self):
        return {form for canary in self.canaries for form in forms(canary)}


@pytest.fixture(scope="module")
def planted(variant, tmp_path_factory):
    lab("up", "--variant", variant)
    key, secret = "canary-key-of-pseudonyms", ("canary", "-n", "kube-system")
    value = "--from-literal=password=canary-value-of-a-secret"
    lab("outside", "--", "kubectl", "create", "secret", "generic", *secret, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALSTACK_PSEUDONYM_KEY", key)
        yield Planted(tmp_path_factory.mktemp("planted"), key)
    lab("outside", "--", "kubectl", "delete", "secret", *secret)


def judged(planted, name, *options):
    """A run in a folder of its own, as talkative as can be."""
    folder = planted.folder / name
    return judge(
        folder, *EVERYTHING, f"--junitxml={folder / 'own.xml'}", *options, kubeconfig=planted.kubeconfig
    )


@pytest.fixture(scope="module")
def whole(planted):
    """A run of everything, with the client's certificate; signed."""
    run = judged(planted, "whole")
    assert run.report["verdict"] == "conformant", run.trouble()
    dualstack("sign", str(run.folder), "--key", str(planted.signing_key))
    return run


def real_names(report):
    """Of nodes, namespaces and the context, and the addresses and networks that the cluster's own lie in."""
    nodes = report["cluster"]["nodes"]
    names = {node["name"] for node in nodes} | {
        each["name"] for each in report["created"] if each["kind"] == "Namespace"
    }
    addresses = {ip for node in nodes for ip in node["internal_ips"]}
    networks = {cidr for node in nodes for cidr in node["pod_cidrs"]} | set(
        report["cluster"]["service_ranges"]
    )
    server = str(urlsplit(report["cluster"]["server"]).hostname)
    assert len(names) > 3
    names.add(report["cluster"]["context"])
    assert len(networks) > 7
    return names, {ip_address(each) for each in addresses | {server}}, {ip_network(each) for each in networks}


def test_no_canary_shows(planted, whole):
    sku = next(each for each in whole.report["behaviours"] if each["id"] == "limit-lb-sku")
    assert "loadBalancerSku" in json.dumps(sku), "azure.json was read"
    assert found(planted.needles, artefacts(planted.folder / "whole", whole)) == set()


def test_no_canary_of_a_credential_plugin_shows(planted):
    works = judged(planted, "works", "--context=works")
    assert works.report["verdict"] == "incomplete", "its token is good, and may nothing"
    fails = judged(planted, "fails", "--context=fails")
    assert "the credential plugin ended with status 3" in fails.report["run"]["interrupted"]
    for run in (works, fails):
        assert found(planted.needles, artefacts(run.folder.parent, run)) == set()


def test_no_real_name_shows_under_pseudonyms(planted, whole):
    hidden = judged(planted, "hidden", "--pseudonyms", f"--baseline={whole.folder}")
    assert hidden.report["verdict"] == "conformant", hidden.trouble()
    comparison = json.loads((hidden.folder / "comparison.json").read_text())
    assert (comparison["new"], comparison["incomparable"], comparison["context"]) == ([], [], [])
    texts = artefacts(planted.folder / "hidden", hidden)
    names, addresses, networks = real_names(whole.report)
    names |= {f"dualstack-{hidden.report['run']['id']}"}
    assert found(planted.needles | names, texts) == set()
    shown = {(where, address) for where, text in texts.items() for address in addresses_in(text)}
    assert len(shown) > 100, "pseudonyms of addresses are there"
    assert {each for each in shown if each[1] in addresses} == set()
    assert {each for each in shown if any(each[1] in network for network in networks)} == set()
