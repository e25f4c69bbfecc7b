"""A profile that claims what the server's version cannot have: one line, and the cluster is only read."""

import subprocess
import sys

import pytest
import yaml
from api_server import certificate, serving

from dualstack.errors import UserError
from dualstack.places import PROFILES, ROOT
from dualstack.profile import check as possible
from dualstack.profile.model import load
from dualstack.session import catalogue
from dualstack.survey.version import Release
from dualstack.verdict.behaviour import Behaviour
from dualstack.verdict.words import Level, Tier

LATER = Behaviour(
    id="later",
    level=Level.SHOULD,
    tier=Tier.READ,
    claim="It is there.",
    source="https://kubernetes.io/",
    remedy="Upgrade.",
    since="1.30",
)
NFTABLES_ONLY = "promises: {proxy-modes: [nftables]}"
DECLARED = catalogue.declared()
RELEASES = [Release(1, minor) for minor in range(16, 41)]


def checked(tmp_path, text, release):
    path = tmp_path / "site.yaml"
    path.write_text(f"name: site\ntitle: t\nextends: kubernetes\n{text}\n")
    possible.check(load(str(path))[0], "site.yaml", Release.parse(release), [LATER])


@pytest.mark.parametrize(
    ("text", "release", "line"),
    [
        (
            NFTABLES_ONLY,
            "1.19",
            "promises.proxy-modes: dual stack has nftables from Kubernetes 1.29 on, and this server is 1.19: "
            "name ipvs or iptables as well",
        ),
        (
            "promises: {proxy-modes: [iptables, nftables]}",
            "1.17",
            "promises.proxy-modes: dual stack has iptables from Kubernetes 1.18 on and nftables from "
            "Kubernetes 1.29 on, and this server is 1.17: name ipvs as well",
        ),
        (
            'limits: {proxy-modes: {"1.16": [ipvs], "1.28": [nftables]}}',
            "1.28",
            "limits.proxy-modes: dual stack has nftables from Kubernetes 1.29 on, and this server is 1.28: "
            "name ipvs or iptables as well",
        ),
        (
            "levels: {later: MUST}",
            "1.29",
            "levels.later: MUST, but that came with Kubernetes 1.30, and this server is 1.29: "
            "take the level out",
        ),
    ],
)
def test_what_came_later_is_one_line(tmp_path, text, release, line):
    with pytest.raises(UserError) as raised:
        checked(tmp_path, text, release)
    assert str(raised.value) == f"--profile site.yaml: {line}"


@pytest.mark.parametrize(
    ("text", "release"),
    [
        (NFTABLES_ONLY, "1.29"),
        ("promises: {proxy-modes: [iptables, nftables]}", "1.18"),
        ("promises: {proxy-modes: []}", "1.16"),
        ('limits: {proxy-modes: {"1.16": [ipvs], "1.28": [nftables]}}', "1.27"),
        ("levels: {later: MUST}", "1.30"),
        ("levels: {later: MAY}", "1.19"),
        ("levels: {a-behaviour-of-the-sites-own: MUST}", "1.19"),
        ("promises: {minimum-version: '1.30'}", "1.19"),
    ],
)
def test_what_a_version_can_have_passes(tmp_path, text, release):
    checked(tmp_path, text, release)


@pytest.mark.parametrize("release", RELEASES, ids=str)
@pytest.mark.parametrize("name", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_a_built_in_profile_fits_every_version(name, release):
    possible.check(load(name)[0], name, release, DECLARED)


def test_before_dual_stack_there_is_nothing_to_claim(tmp_path):
    with pytest.raises(UserError, match=r"^this server is Kubernetes 1\.15; dual stack came with 1\.16$"):
        checked(tmp_path, "", "1.15")


def test_the_run_ends_before_anything_is_written(tmp_path):
    """Whoever reads only cannot have created anything: the server saw nothing but GET."""
    called = []

    def answer(method, path, headers, body):
        called.append((method, path))
        if path == "/version":
            return 200, {"gitVersion": "v1.19.16"}
        return 200, {"items": [], "metadata": {}}

    profile = tmp_path / "site.yaml"
    profile.write_text(f"name: site\ntitle: t\nextends: aks-engine\n{NFTABLES_ONLY}\n")
    with serving(tmp_path, answer) as port:
        config = {
            "clusters": [{"name": "c", "cluster": {
                "server": f"https://127.0.0.1:{port}",
                "certificate-authority": str(certificate(tmp_path, "server")[0]),
            }}],
            "users": [{"name": "u", "user": {"token": "secret-token"}}],
            "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "one",
        }  # fmt: skip
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        options = [f"--kubeconfig={tmp_path / 'kubeconfig'}", f"--profile={profile}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, f"--reports={tmp_path / 'reports'}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 4, done.stdout + done.stderr
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("ERROR: ")]
    assert len(errors) == 1
    assert "promises.proxy-modes: dual stack has nftables from Kubernetes 1.29 on" in errors[0]
    assert {method for method, _ in called} == {"GET"}
