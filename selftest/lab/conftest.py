"""Runs of the suite that go on while a test looks at the cluster."""

import subprocess
import time

import pytest
from suite import ROOT, command

import lab as cluster

OURS = "app.kubernetes.io/managed-by=dualstack-conformance"
BEGINS_WITHIN = 60  # seconds


@pytest.fixture
def started(tmp_path):
    """A function that starts a run, which writes to tmp_path/output, and returns it once it has pods.

    A run that a test leaves behind, whatever happens, ends with the test.
    """
    runs = []

    def start(*options):
        with (tmp_path / "output").open("w") as output:
            run = subprocess.Popen(
                command(tmp_path, *options), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )
        runs.append(run)
        end = time.monotonic() + BEGINS_WITHIN
        while not _has_pods():
            assert run.poll() is None, (tmp_path / "output").read_text()
            assert time.monotonic() < end, (tmp_path / "output").read_text()
            time.sleep(0.1)
        return run

    yield start
    for run in runs:
        if run.poll() is None:
            run.terminate()
        run.wait()


def _has_pods():
    words = [cluster.kubectl(), f"--kubeconfig={cluster.kubeconfig()}", "get", "pods", "-A"]
    ours = cluster.outside([*words, "--selector", OURS, "--output", "name"])
    return bool(subprocess.run(ours, capture_output=True, check=True).stdout)
