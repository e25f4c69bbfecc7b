"""What people get wrong, on a real API server: one line that helps, never a traceback."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from suite import judge, lab

import lab as cluster
from dualstack.places import ROOT

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", autouse=True)
def _default_lab():
    lab("up")


def admin():
    return yaml.safe_load(Path(cluster.kubeconfig()).read_text())


def written(tmp_path, config):
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def line_of(judged):
    """The one line that pytest prints, after checking that it is one."""
    assert judged.status == 4, judged.output
    assert "Traceback" not in judged.output
    errors = [line for line in judged.output.splitlines() if line.startswith("ERROR: ")]
    assert len(errors) == 1, judged.output
    assert judged.report["verdict"] == "incomplete"
    assert "<error" in (judged.folder / "junit.xml").read_text()
    return errors[0]


def test_a_wrong_authority(tmp_path):
    config = admin()
    other = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", "/dev/null", "-subj", "/CN=other"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "ca.crt").write_bytes(other)
    for each in config["clusters"]:
        each["cluster"].pop("certificate-authority-data", None)
        each["cluster"]["certificate-authority"] = str(tmp_path / "ca.crt")
    assert "certificate" in line_of(judge(tmp_path / "r", kubeconfig=written(tmp_path, config)))


def test_an_unknown_token(tmp_path):
    config = admin()
    for each in config["users"]:
        each["user"] = {"token": "not-a-token-of-this-cluster"}
    told = line_of(judge(tmp_path / "r", kubeconfig=written(tmp_path, config)))
    assert "expired" in told
    assert "not-a-token" not in told


def test_a_server_that_is_down(tmp_path):
    config = admin()
    for each in config["clusters"]:
        each["cluster"]["server"] = "https://172.30.0.2:7"
    assert "connection refused" in line_of(judge(tmp_path / "r", kubeconfig=written(tmp_path, config)))


def test_an_unknown_profile(tmp_path):
    assert "built-in profiles: aks-cilium, aks-engine, " in line_of(judge(tmp_path, "--profile=nothing"))


def test_a_level_for_a_behaviour_that_does_not_exist(tmp_path):
    profile = tmp_path / "site.yaml"
    profile.write_text("name: site\ntitle: t\nextends: kubernetes\nlevels: {node-redy: MUST}\n")
    judged = judge(tmp_path / "reports", f"--profile={profile}")
    assert (judged.status, judged.report["left_behind"]) == (4, []), judged.output
    assert "levels.node-redy: no such behaviour" in judged.output


def kubectl(*words, stdin=""):
    done = subprocess.run(
        cluster.outside([cluster.kubectl(), f"--kubeconfig={cluster.kubeconfig()}", *words]),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def user(tmp_path):
    """A kubeconfig of a new service account with given rules."""

    def make(name, rules):
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        objects = [
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": name, "namespace": "default"},
            },
            role | {"kind": "ClusterRole", "rules": rules},
            role | {"kind": "ClusterRoleBinding", "subjects": [subject], "roleRef": reference},
        ]
        for each in objects:
            kubectl("apply", "-f-", stdin=json.dumps(each))
        config = admin()
        token = kubectl("create", "token", name, "-n", "default").strip()
        config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
        return written(tmp_path, config)

    return make


def test_the_documented_role_is_enough(user, tmp_path):
    documents = list(yaml.safe_load_all((ROOT / "docs/rbac.yaml").read_text()))
    rules = next(each["rules"] for each in documents if each["kind"] == "ClusterRole")
    judged = judge(tmp_path / "r", kubeconfig=user("documented", rules))
    assert judged.status == 0, judged.output
    assert set(judged.verdicts.values()) == {"conforms", "not-applicable"}


def test_a_reader_is_told_which_verb_is_missing(user, tmp_path):
    rules = [{"apiGroups": [""], "resources": ["nodes", "services", "namespaces"], "verbs": ["get", "list"]}]
    judged = judge(tmp_path / "r", kubeconfig=user("reader", rules))
    assert judged.status == 6, judged.output
    assert judged.verdicts["node-internal-ips"] == "conforms"
    assert judged.verdicts["pod-ips"] == "not-judged"
    assert "create namespaces" in judged.causes("pod-ips")
    assert judged.report["created"] == []


def test_without_exec_the_paths_are_not_judged_and_the_rest_is(user, tmp_path):
    documents = list(yaml.safe_load_all((ROOT / "docs/rbac.yaml").read_text()))
    rules = next(each["rules"] for each in documents if each["kind"] == "ClusterRole")
    without = [rule for rule in rules if rule["resources"] != ["pods/exec"]]
    assert len(without) == len(rules) - 1
    judged = judge(tmp_path / "r", kubeconfig=user("no-exec", without))
    assert judged.status == 6, judged.output
    assert judged.verdicts["tcp-pod-to-pod"] == "not-judged"
    assert "create pods/exec" in judged.causes("tcp-pod-to-pod")
    assert judged.verdicts["pod-ips"] == judged.verdicts["lb-ipv6"] == "conforms"
    assert judged.report["left_behind"] == []


def test_a_blind_user_judges_nothing_and_nothing_is_green(user, tmp_path):
    judged = judge(tmp_path / "r", kubeconfig=user("blind", []))
    assert judged.status == 6, judged.output
    assert "conforms" not in judged.verdicts.values()
    assert "list nodes" in judged.causes("node-ready")


@pytest.mark.parametrize("variant", ["single-ipv4", "single-ipv6"])
def test_a_single_stack_cluster_is_named_as_such(variant, tmp_path):
    lab("up", "--variant", variant)
    judged = judge(tmp_path)
    assert judged.status == 1
    assert judged.report["created"] == []
    assert judged.verdicts["node-internal-ips"] == "breaks"
    assert "not a dual-stack cluster" in judged.report["sentence"]
    assert "Traceback" not in judged.output


def test_read_only_creates_nothing(tmp_path):
    judged = judge(tmp_path, "--read-only")
    assert (judged.status, judged.report["verdict"]) == (6, "incomplete"), judged.output
    assert judged.report["created"] == []


def test_the_plan_creates_nothing_and_shows_a_cost(tmp_path):
    judged = judge(tmp_path, "--plan")
    assert judged.status == 0, judged.output
    assert "execs in a first round" in judged.output
    assert judged.folder is None


def test_an_unknown_behaviour_is_one_line_and_creates_nothing(tmp_path):
    judged = judge(tmp_path, "--only=tcp-pod-to-pod,udp-pd-to-pod")
    assert judged.status == 4, judged.output
    assert line_of(judged).endswith("--only udp-pd-to-pod: no such behaviour; the nearest is udp-pod-to-pod")
    assert judged.report["created"] == []


def test_a_part_of_the_suite_creates_only_what_it_needs(tmp_path):
    judged = judge(tmp_path, "--only=service-ipv6")
    assert (judged.status, judged.report["verdict"]) == (6, "incomplete"), judged.output
    assert judged.report["run"]["partial"] == "--only service-ipv6"
    assert {each["kind"] for each in judged.report["created"]} == {"Namespace", "Service"}
    by_keyword = judge(tmp_path, "-k", "pod_interface")
    assert {each["name"] for each in by_keyword.report["created"] if each["kind"] == "Pod"} == {
        f"{role}-{n}" for role in ("client", "server") for n in range(3)
    }


def test_a_cluster_that_no_built_in_profile_fits(tmp_path):
    line = line_of(judge(tmp_path, "--profile=auto"))
    assert line.startswith("ERROR: --profile auto: no built-in profile fits (providerIDs: none; ")
    assert line.endswith("choose kubernetes, which judges what every cluster promises")


@pytest.mark.parametrize(
    ("text", "profile", "told"),
    [
        ("pods: [10.244.0.0/33]", "kubernetes", "pods: '10.244.0.0/33' is not a range"),
        ("pod: []", "kubernetes", "pod: unknown key"),
        ("pods: [10.244.0.0/16]", "eks-ipv6", "pods: 10.244.0.0/16 is IPv4, and profile eks-ipv6 promises"),
    ],
)
def test_expectations_that_cannot_be(tmp_path, text, profile, told):
    site = tmp_path / "site.yaml"
    site.write_text(text)
    assert f"{site}: {told}" in line_of(judge(tmp_path, f"--expect={site}", f"--profile={profile}"))
