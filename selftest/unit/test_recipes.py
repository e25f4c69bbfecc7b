"""The recipes, tried as far as they can be without the services they are for: a stand-in plays the suite."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib

import pytest
from ruamel.yaml import YAML

from dualstack import __version__
from dualstack.places import ROOT

RECIPES = ROOT / "docs/recipes"
KUBERNETES = RECIPES / "kubernetes"
SUITE = """#!/bin/sh
echo "$@" >>arguments
test "$1" = run || exit 0
mkdir -p reports/20261123T020000Z-a
echo "the sheet" >reports/20261123T020000Z-a/report.md
echo "<testsuites/>" >reports/20261123T020000Z-a/junit.xml
ln -sfn 20261123T020000Z-a reports/latest
exit $STATUS
"""


def documents(path):
    return list(YAML(typ="safe").load_all(path.read_text()))


def of_kind(kind, path):
    (found,) = (each for each in documents(path) if each["kind"] == kind)
    return found


def locked(name):
    """Requirement -> its hashes, of a lock file."""
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    return {words[0]: set(words[1:]) for words in map(str.split, lines) if words}


@pytest.fixture
def shell(tmp_path):
    """A function that runs a recipe's script where `dualstack` is a stand-in that ends with a status."""
    for path in (tmp_path / "bin/dualstack", tmp_path / "venv/bin/dualstack"):
        path.parent.mkdir(parents=True)
        path.write_text(SUITE)
        path.chmod(0o755)

    def run(script, status=0, **environment):
        known = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "STATUS": str(status)}
        command = ["bash", "-e", "-c", script]
        return subprocess.run(
            command, cwd=tmp_path, env=known | environment, capture_output=True, text=True, check=False
        )

    return run


def test_what_runs_is_locked_as_what_is_developed_with():
    everything, running = locked("requirements.lock"), locked("requirements-run.lock")
    assert running.items() <= everything.items(), "run `make lock`"
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {requirement.partition("==")[0] for requirement in running}
    assert {re.split("[<>=]", each)[0].replace(".", "-") for each in declared} <= names


def test_the_service_account_may_what_the_documented_role_may():
    documented = of_kind("ClusterRole", ROOT / "docs/rbac.yaml")
    assert of_kind("ClusterRole", KUBERNETES / "access.yaml")["rules"] == documented["rules"]


def test_job_and_cron_job_are_the_same_pod_in_a_restricted_namespace():
    job = of_kind("Job", KUBERNETES / "job.yaml")["spec"]
    assert of_kind("CronJob", KUBERNETES / "cronjob.yaml")["spec"]["jobTemplate"]["spec"] == job
    pod = job["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 60
    limit = next(each for each in pod["containers"][0]["args"] if each.startswith("--time-limit="))
    assert int(limit.partition("=")[2]) + pod["terminationGracePeriodSeconds"] < job["activeDeadlineSeconds"]
    access = KUBERNETES / "access.yaml"
    assert pod["serviceAccountName"] == of_kind("ServiceAccount", access)["metadata"]["name"]
    labels = of_kind("Namespace", access)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_all_recipes_name_the_version_that_there_is():
    for path in RECIPES.rglob("*"):
        if path.is_file():
            named = re.findall(r"dualstack[-_]conformance[:-](\d[\w.]*?)(?=-py3|[\s`]|$)", path.read_text())
            assert set(named) <= {__version__}, path


def github_steps():
    (workflow,) = documents(RECIPES / "github-actions.yml")
    return {step.get("name"): step for step in workflow["jobs"]["conformance"]["steps"]}


def azure_steps():
    (pipeline,) = documents(RECIPES / "azure-pipelines.yml")
    return {step.get("displayName"): step for step in pipeline["jobs"][0]["steps"]}


@pytest.mark.parametrize(
    ("status", "said"), [(0, ""), (1, "Not conformant"), (6, "Incomplete"), (4, "Not run to the end")]
)
def test_pipelines_pass_the_exit_status_on_and_say_what_it_means(shell, tmp_path, status, said):
    temp = {"RUNNER_TEMP": str(tmp_path), "CONTENT": "kind: Config"}
    github = shell(github_steps()["Judge"]["run"], status, **temp)
    assert (github.returncode, said in github.stdout, "::error" in github.stdout) == (
        status, True, bool(status),
    )  # fmt: skip
    assert (tmp_path / "kubeconfig").read_text() == "kind: Config\n"
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o077 == 0
    azure = shell(azure_steps()["Judge"]["bash"], status)
    assert (azure.returncode, said in azure.stdout, "logissue" in azure.stdout) == (
        status, True, bool(status),
    )  # fmt: skip
    (gitlab,) = documents(RECIPES / "gitlab-ci.yml")
    assert shell("\n".join(gitlab["dual-stack"]["script"]), status).returncode == status


def test_pipelines_show_the_summary_and_keep_no_kubeconfig(shell, tmp_path):
    temp = {"RUNNER_TEMP": str(tmp_path), "CONTENT": "kind: Config"}
    shell(github_steps()["Judge"]["run"], **temp)
    summary = tmp_path / "summary"
    done = shell(github_steps()["Summary"]["run"], GITHUB_STEP_SUMMARY=str(summary), **temp)
    assert (done.returncode, summary.read_text()) == (0, "the sheet\n")
    assert not (tmp_path / "kubeconfig").exists()
    said = shell(azure_steps()["Summary"]["bash"]).stdout
    path = re.fullmatch(r"##vso\[task.uploadsummary\](.*)\n", said)
    assert path, said
    assert path[1] == str(tmp_path / "reports/20261123T020000Z-a/report.md")
    (gitlab,) = documents(RECIPES / "gitlab-ci.yml")
    assert shell("\n".join(gitlab["dual-stack"]["after_script"])).stdout == "the sheet\n"


@pytest.mark.parametrize("status", [0, 1, 6])
def test_prometheus_gets_a_whole_file_whatever_the_verdict(shell, tmp_path, status):
    exported = tmp_path / "collector"
    exported.mkdir()
    stand_in = (tmp_path / "bin/dualstack").read_text()
    render = 'if test "$1" = report; then echo "metric 1" >"$7"; fi\n'
    (tmp_path / "bin/dualstack").write_text(stand_in.replace('test "$1" = run', f'{render}test "$1" = run'))
    done = shell(f"sh {RECIPES / 'prometheus.sh'} {exported}", status)
    assert done.returncode == status, done.stderr
    assert {path.name: path.read_text() for path in exported.iterdir()} == {"dualstack.prom": "metric 1\n"}


@pytest.fixture
def sonobuoy(tmp_path):
    """A function that starts the plugin as Sonobuoy's container would, with a stand-in for the suite."""
    (plugin,) = documents(RECIPES / "sonobuoy-plugin.yaml")
    modules, results = tmp_path / "modules/dualstack", tmp_path / "results"
    modules.mkdir(parents=True)
    results.mkdir()
    _, *words = plugin["spec"]["command"]

    def start(cli):
        (modules / "__init__.py").touch()
        (modules / "cli.py").write_text(cli)
        known = {"PYTHONPATH": str(modules.parent), "SONOBUOY_RESULTS_DIR": str(results)}
        return subprocess.Popen([sys.executable, *words, *plugin["spec"]["args"]], env=os.environ | known)

    return start, results


def received(results):
    """What Sonobuoy's worker would send: the archive at the path that is the whole of the done file."""
    with tarfile.open((results / "done").read_text()) as tar:
        return tar.getnames()


REPORTING = """
import pathlib, sys
reports = pathlib.Path(sys.argv[2].partition("=")[2])
(reports / "run").mkdir(parents=True)
(reports / "run" / "junit.xml").write_text("<testsuites/>")
(reports / "latest").symlink_to("run")
"""


def test_sonobuoy_gets_the_archive_and_then_the_done_file(sonobuoy):
    start, results = sonobuoy
    assert (
        start(REPORTING + "assert sys.argv[3:] == ['--time-limit=840'], sys.argv\nsys.exit(1)").wait(60) == 1
    )
    done = (results / "done").read_text()
    assert done == str(results / "dualstack.tar.gz"), "no newline: the worker opens it as it is"
    assert received(results) == ["dualstack", "dualstack/junit.xml"]


def test_sonobuoy_is_told_also_when_there_is_no_report(sonobuoy):
    start, results = sonobuoy
    assert start("raise SystemExit(4)").wait(60) == 4
    assert received(results) == []


def test_sonobuoy_ends_the_suite_early_and_still_gets_its_report(sonobuoy, tmp_path):
    start, results = sonobuoy
    waiting = f"""
import signal, time
def ended(*_):
{re.sub("^", "    ", REPORTING.strip(), flags=re.MULTILINE)}
    sys.exit(2)
signal.signal(signal.SIGTERM, ended)
open({str(tmp_path / "ready")!r}, "w")
for _ in range(200):  # in short naps: a signal just before a long one would be heard after it
    time.sleep(0.1)
"""
    plugin = start(waiting)
    while not (tmp_path / "ready").exists():
        assert plugin.poll() is None
    plugin.terminate()
    assert plugin.wait(60) == 2
    assert received(results) == ["dualstack", "dualstack/junit.xml"]
