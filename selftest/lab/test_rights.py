"""The user's own rights and no more: impersonation, a given namespace, a policy that keeps the user in it."""

import subprocess
from pathlib import Path

import pytest
import yaml
from suite import ROOT, judge, lab

import lab as cluster

pytestmark = pytest.mark.lab
USER = "auditor"


@pytest.fixture(scope="module", autouse=True)
def _default_lab():
    lab("up")


def kubectl(*words, text=None, check=True):
    command = [cluster.kubectl(), f"--kubeconfig={cluster.kubeconfig()}", *words]
    return subprocess.run(cluster.outside(command), input=text, capture_output=True, text=True, check=check)


@pytest.fixture
def as_auditor(tmp_path):
    """A kubeconfig in which the admin acts as somebody with few rights."""
    config = yaml.safe_load(Path(cluster.kubeconfig()).read_text())
    for each in config["users"]:
        each["user"]["as"] = USER
    path = tmp_path / "as-auditor"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.fixture
def bound():
    """A function that creates objects and binds roles to the user; what it made is removed afterwards."""
    made = []

    def bind(*documents):
        text = yaml.safe_dump_all(documents)
        kubectl("apply", "-f-", text=text)
        made.append(text)

    yield bind
    for text in reversed(made):
        kubectl("delete", "-f-", "--ignore-not-found", text=text)


def role(path):
    return list(yaml.safe_load_all((ROOT / path).read_text()))


def binding(of, name, namespace=None):
    metadata = {"name": f"auditor-{name}"} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": of, "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }


def test_who_acts_as_another_has_the_others_rights(as_auditor, bound, tmp_path):
    (documented,) = role("docs/rbac.yaml")
    documented["rules"] = [each for each in documented["rules"] if each["resources"] != ["pods/exec"]]
    bound(documented, binding("ClusterRole", "dualstack-conformance"))
    judged = judge(tmp_path / "r", kubeconfig=as_auditor)
    assert judged.status == 6, judged.output
    assert "forbidden: create pods/exec" in judged.causes("tcp-pod-to-pod")
    assert judged.verdicts["pod-ips"] == "conforms"
    assert judged.report["left_behind"] == []


def test_the_documented_role_suffices(as_auditor, bound, tmp_path):
    bound(*role("docs/rbac.yaml"), binding("ClusterRole", "dualstack-conformance"))
    judged = judge(tmp_path / "r", kubeconfig=as_auditor)
    assert judged.status == 0, judged.output


def test_a_role_in_a_given_namespace_suffices_and_the_namespace_stays(as_auditor, bound, tmp_path):
    own, reading = role("docs/rbac-namespace.yaml")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dualstack"}}
    bound(
        namespace,
        own,
        reading,
        binding("Role", "dualstack-conformance", "dualstack"),
        binding("ClusterRole", "dualstack-conformance-reader"),
    )
    kubectl("create", "configmap", "theirs", "-n", "dualstack")
    judged = judge(tmp_path / "r", "--namespace=dualstack", kubeconfig=as_auditor)
    assert judged.status == 0, judged.output
    assert judged.report["left_behind"] == []
    left = kubectl("get", "pods,services,deployments,configmaps", "-n", "dualstack", "-o", "name").stdout
    assert {each for each in left.split() if "kube-root-ca" not in each} == {"configmap/theirs"}


def test_who_has_rights_in_a_namespace_only_judges_what_he_may(as_auditor, bound, tmp_path):
    own, _ = role("docs/rbac-namespace.yaml")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dualstack"}}
    bound(namespace, own, binding("Role", "dualstack-conformance", "dualstack"))
    judged = judge(tmp_path / "r", "--namespace=dualstack", kubeconfig=as_auditor)
    assert judged.status == 6, judged.output
    assert judged.verdicts["service-ipv6"] == "conforms"
    assert "forbidden: list nodes" in judged.causes("tcp-pod-to-pod")
    assert not judged.broken()


def test_the_policy_keeps_the_user_in_the_suites_namespaces(as_auditor, bound, tmp_path):
    text = (ROOT / "docs/keep-in-own-namespaces.yaml").read_text()
    text = text.replace("system:serviceaccount:dualstack-conformance:dualstack-conformance", USER)
    bound(*yaml.safe_load_all(text))
    bound(*role("docs/rbac.yaml"), binding("ClusterRole", "dualstack-conformance"))
    pods = kubectl("get", "pods", "-n", "kube-system", "-l", "k8s-app=kube-dns", "-o", "name").stdout
    dns = pods.split()[0]

    look = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}  # kubectl looks before it execs
    looking = {"kind": "ClusterRole", "metadata": {"name": "look"}, "rules": [look]}
    bound({"apiVersion": "rbac.authorization.k8s.io/v1"} | looking, binding("ClusterRole", "look"))

    def refused(*words, why="of its own only"):
        done = kubectl(f"--as={USER}", *words, check=False)
        return done.returncode != 0 and why in done.stderr

    for _ in range(50):  # it takes the API server a moment to heed a new policy
        if refused("create", "namespace", "theirs", "--dry-run=server"):
            break
    assert refused("exec", "-n", "kube-system", dns, "--", "/coredns", "-version")
    assert refused("delete", "namespace", "metallb-system", "--dry-run=server")
    assert refused("run", "-n", "kube-system", "x", "--image=x", "--dry-run=server")
    bound({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dualstack-x"}})
    kubectl("wait", "--for=create", "serviceaccount/default", "-n", "dualstack-x", "--timeout=30s")
    root = ["run", "-n", "dualstack-x", "x", "--image=x", "--privileged", "--dry-run=server"]
    assert refused(*root, why="no privileged pods")
    judged = judge(tmp_path / "r", kubeconfig=as_auditor)
    assert judged.status == 0, judged.output
