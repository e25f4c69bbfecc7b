"""The suite as a Job and as a CronJob's job, inside the lab, from the recipes as they are."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from suite import PYTHON, ROOT, lab

pytestmark = pytest.mark.lab
RECIPES = ROOT / "docs/recipes/kubernetes"
NAMESPACE = "dualstack-conformance"
LONGEST = 300  # seconds


def kubectl(*words):
    return lab("outside", "--", "kubectl", *words)


def finished(job):
    """(condition, exit status, log) of a Job that has come to its end."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        found = json.loads(kubectl("get", "job", job, "-n", NAMESPACE, "-o", "json"))
        ended = [
            each["type"]
            for each in found["status"].get("conditions", [])
            if each["type"] in ("Complete", "Failed") and each["status"] == "True"
        ]
        if ended:
            pods = json.loads(kubectl("get", "pods", "-n", NAMESPACE, "-l", f"job-name={job}", "-o", "json"))
            (pod,) = pods["items"]
            (container,) = pod["status"]["containerStatuses"]
            log = kubectl("logs", "-n", NAMESPACE, f"job/{job}")
            return ended[0], container["state"]["terminated"]["exitCode"], log
        time.sleep(1)
    raise AssertionError(kubectl("describe", "pods", "-n", NAMESPACE))


def left_by_runs():
    return kubectl("get", "namespaces", "-l", f"app.kubernetes.io/managed-by={NAMESPACE}", "-o", "name")


@pytest.fixture(scope="module")
def cluster():
    """The lab with the suite's image on every node, and the recipes' access."""
    lab("up")
    said = subprocess.run(
        [PYTHON, "-m", "lab.suite_image"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    image = Path(said.stdout.partition(":")[0])
    for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]:
        load = ["exec", node["metadata"]["name"], "--", "ctr", "-n", "k8s.io", "images", "import", "-"]
        with image.open("rb") as archive:
            done = subprocess.run(
                [PYTHON, "-m", "lab", *load], cwd=ROOT, stdin=archive, capture_output=True, check=False
            )
        assert done.returncode == 0, done.stderr
    kubectl("apply", "-f", str(RECIPES / "access.yaml"))
    yield
    kubectl("delete", "--wait", "-f", str(RECIPES / "access.yaml"))


def test_a_job_judges_the_cluster_it_runs_in(cluster):
    kubectl("apply", "-f", str(RECIPES / "job.yaml"))
    condition, status, log = finished("dualstack-conformance")
    assert (condition, status) == ("Complete", 0), log
    assert "context (in-cluster)" in log
    assert "tcp-pod-to-pod" in log, "the table"
    assert "conformant" in log.splitlines()[-1]
    assert left_by_runs() == ""


def test_a_cron_job_judges_the_cluster_it_runs_in(cluster):
    kubectl("apply", "-f", str(RECIPES / "cronjob.yaml"))
    kubectl("create", "job", "-n", NAMESPACE, "--from=cronjob/dualstack-conformance", "by-hand")
    condition, status, log = finished("by-hand")
    assert (condition, status) == ("Complete", 0), log
    assert left_by_runs() == ""


def test_a_deleted_pod_cleans_up_within_its_grace_period(cluster):
    kubectl("create", "job", "-n", NAMESPACE, "--from=cronjob/dualstack-conformance", "ended-early")
    end = time.monotonic() + LONGEST
    while left_by_runs() == "":
        assert time.monotonic() < end, "the run never began"
        time.sleep(0.2)
    kubectl("delete", "pods", "-n", NAMESPACE, "-l", "job-name=ended-early", "--wait")
    assert left_by_runs() == ""
