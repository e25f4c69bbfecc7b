"""What was typed is what the report says was typed."""

import json
import os
import subprocess
import sys

import pytest

from dualstack.places import ROOT
from dualstack.session.option_paths import joined


@pytest.mark.parametrize(
    ("program", "typed", "recorded"),
    [
        (["-m", "pytest"], ["--kubeconfig=none"], ["pytest", "--kubeconfig=none"]),
        (["-m", "pytest"], ["--kubeconfig", "none"], ["pytest", "--kubeconfig", "none"]),
        (
            ["-m", "dualstack.cli", "run"],
            ["--kubeconfig", "none"],
            ["dualstack", "run", "--kubeconfig", "none"],
        ),
        (["-m", "dualstack.cli", "run"], ["--context=a"], ["dualstack", "run", "--context=a"]),
    ],
)
def test_the_command_is_recorded_as_it_was_typed(program, typed, recorded, tmp_path):
    reports = f"--reports={tmp_path}"
    known = os.environ | {"HOME": str(tmp_path), "KUBECONFIG": ""}
    done = subprocess.run(
        [sys.executable, *program, *typed, reports],
        cwd=ROOT, env=known, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stdout + done.stderr
    report = json.loads((tmp_path / "latest/report.json").read_text())
    assert report["run"]["command"] == [*recorded, reports]


@pytest.mark.parametrize("more", [["--collect-only"], ["--kubeconfig=none"]])
def test_an_unknown_behaviour_is_one_line_before_anything_else(more, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--only=node-ready,udp-pd-to-pod", f"--reports={tmp_path}", *more],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in (done.stdout + done.stderr).splitlines() if line]
    assert (done.returncode, said) == (
        4, ["ERROR: --only udp-pd-to-pod: no such behaviour; the nearest is udp-pod-to-pod"],
    )  # fmt: skip


def test_options_with_paths_are_joined_with_them():
    assert joined(["-k", "x", "--profile", "p", "--kubeconfig=y"]) == [
        "-k",
        "x",
        "--profile=p",
        "--kubeconfig=y",
    ]
