"""Whatever ends a run, nothing of it stays in the cluster."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from suite import judge, lab

import lab as cluster

pytestmark = pytest.mark.lab
OURS = "app.kubernetes.io/managed-by=dualstack-conformance"
ROLES = {"client", "server", "guarded", "host"}  # of the pods on every node


@pytest.fixture(scope="module", autouse=True)
def _default_lab():
    lab("up")


def kubectl(*words):
    done = subprocess.run(
        cluster.outside([cluster.kubectl(), f"--kubeconfig={cluster.kubeconfig()}", *words]),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def ours():
    """Namespaces of the suite that exist now."""
    items = json.loads(kubectl("get", "namespaces", "-l", OURS, "-o", "json"))["items"]
    return {item["metadata"]["name"]: item for item in items}


def at_work():
    """Those that are not made only to be deleted."""
    return {name: item for name, item in ours().items() if not name.endswith("-going")}


def waited_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def ended(run, folder):
    """Wait for its end; what it printed."""
    run.wait(timeout=60)
    return (folder / "output").read_text()


def pods_of(namespace):
    return json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]


def role_of(pod):
    return pod["metadata"]["labels"].get("dualstack-conformance/role")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_clean_up_and_a_report(number, started, tmp_path):
    run = started()
    run.send_signal(number)
    output = ended(run, tmp_path)
    assert run.returncode == 2, output
    assert ours() == {}, output
    report = json.loads((tmp_path / "latest/report.json").read_text())
    assert report["verdict"] == "incomplete"
    word = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    assert report["run"]["interrupted"] == f"interrupted by {word}"
    assert report["left_behind"] == []
    assert any(each["kind"] == "Namespace" for each in report["created"])


def test_a_second_signal_does_not_stop_the_clean_up(started, tmp_path):
    run = started()
    run.send_signal(signal.SIGINT)
    time.sleep(0.3)
    run.send_signal(signal.SIGINT)
    output = ended(run, tmp_path)
    assert ours() == {}, output


def test_what_a_killed_run_left_is_swept_once_it_has_expired(started, tmp_path):
    run = started()
    run.kill()
    run.wait()
    (left,) = at_work()
    kubectl("create", "namespace", "somebody-elses")
    judge(tmp_path / "early", "--only=service-ipv6")
    assert set(at_work()) == {left}, "not expired: it may still be running"
    kubectl("label", "namespace", left, "dualstack-conformance/expires=1", "--overwrite")
    judged = judge(tmp_path / "late", "--only=service-ipv6")
    assert f"removed {left}" in judged.output
    waited_for(lambda: ours() == {}, 30)
    assert "somebody-elses" in kubectl("get", "namespaces", "-o", "name")
    kubectl("delete", "namespace", "somebody-elses", "--wait=false")


def test_pods_pass_the_restricted_level_but_for_the_declared_ones(started, tmp_path):
    """The API server's own admission says so: only the host pods would be refused."""
    run = started()
    (name,) = at_work()
    waited_for(lambda: set(map(role_of, pods_of(name))) >= ROLES, 60)
    pods = pods_of(name)
    run.send_signal(signal.SIGINT)
    ended(run, tmp_path)
    level = "pod-security.kubernetes.io/enforce"
    kubectl("label", "namespace", "default", f"{level}=restricted")
    try:
        refused = {role_of(pod) for pod in pods if is_refused(pod)}
    finally:
        kubectl("label", "namespace", "default", f"{level}-")
    assert refused == {"host"}


def is_refused(pod):
    """Whether the Pod Security level of the namespace `default` forbids such a pod."""
    again = {"name": f"again-{pod['metadata']['name']}", "namespace": "default"}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": again, "spec": pod["spec"]}
    create = [cluster.kubectl(), f"--kubeconfig={cluster.kubeconfig()}", "create", "--dry-run=server", "-f-"]
    done = subprocess.run(
        cluster.outside(create), input=json.dumps(body), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or "violates PodSecurity" in done.stderr, done.stderr
    return done.returncode != 0


def test_every_object_carries_the_run_and_its_expiry(started, tmp_path):
    run = started()
    (name,) = at_work()
    items = json.loads(kubectl("get", "pods,services,deployments,replicasets", "-n", name, "-o", "json"))[
        "items"
    ]
    run.send_signal(signal.SIGINT)
    ended(run, tmp_path)
    for item in [*items]:
        metadata = item["metadata"]
        assert f"dualstack-{metadata['labels']['dualstack-conformance/run']}" == name
        assert int(metadata["labels"]["dualstack-conformance/expires"]) > time.time()


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_ends_the_run_and_nothing_stays(small_disk):
    start = time.monotonic()
    judged = judge(small_disk)
    assert time.monotonic() - start < 90
    assert judged.status not in (0, 1), judged.output
    assert "No space left on device" in judged.output
    assert "Traceback" not in judged.output
    assert ours() == {}


def descendants(pid):
    """The process and all that came of it."""
    children = [int(each) for task in Path(f"/proc/{pid}/task").glob("*/children")
                for each in task.read_text().split()]  # fmt: skip
    return [pid, *(each for child in children for each in descendants(child))]


def is_worker(pid):
    """Whether a process is one of xdist's workers."""
    return b"exec(eval(sys.stdin.readline()))" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_killed_worker_ends_the_run_and_nothing_stays(started, tmp_path):
    run = started("-n", "2")
    (one, *_) = filter(is_worker, descendants(run.pid))
    os.kill(one, signal.SIGKILL)
    output = ended(run, tmp_path)
    assert ours() == {}, output
    report = json.loads((tmp_path / "latest/report.json").read_text())
    assert report["verdict"] in ("conformant", "incomplete"), output
    assert report["left_behind"] == []
    assert not any(each["verdict"] == "breaks" for each in report["behaviours"]), output
