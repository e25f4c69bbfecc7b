"""Real nights: a healthy one, a damaged one, the same damage again, and the morning after."""

import json

import pytest
from suite import judge, lab

pytestmark = pytest.mark.lab
DAMAGE = {(f"{kind}-pod-to-pod", "node1 → node2", "IPv6") for kind in ("tcp", "udp", "ping")}


def changes(judged, kind):
    comparison = json.loads((judged.folder / "comparison.json").read_text())
    return {(each["behaviour"], each["subject"], each["family"]) for each in comparison[kind]}


def test_only_what_is_new_fails_the_gate(tmp_path):
    lab("up")
    healthy = judge(tmp_path / "1")
    assert healthy.status == 0, healthy.output
    lab("fault", "one-way")
    try:
        damaged = judge(tmp_path / "2", f"--baseline={healthy.folder}", "--gate=new")
        again = judge(tmp_path / "3", f"--baseline={damaged.folder / 'report.json'}", "--gate=new")
    finally:
        lab("mend", "one-way")
    mended = judge(tmp_path / "4", f"--baseline={again.folder}", "--gate=new")
    assert (damaged.status, changes(damaged, "new"), damaged.broken()) == (1, DAMAGE, DAMAGE), damaged.output
    assert damaged.report["verdict"] == "not-conformant"
    assert (again.status, changes(again, "new")) == (0, set()), again.output
    assert changes(again, "unchanged") == DAMAGE
    assert again.report["verdict"] == "not-conformant", "the gate changes the exit status, not the verdict"
    assert (mended.status, changes(mended, "resolved")) == (0, DAMAGE), mended.output


def test_a_time_limit_ends_a_run_cleanly(tmp_path):
    lab("up")
    judged = judge(tmp_path, "--time-limit=1.5")
    assert judged.status == 2, judged.output
    assert judged.report["run"]["interrupted"] == "interrupted by the time limit of 1.5 s"
    assert judged.report["left_behind"] == []
    assert "<error" in (judged.folder / "junit.xml").read_text()


def test_the_canary_is_caught_and_a_part_of_the_suite_is_never_conformant(tmp_path):
    lab("up")
    judged = judge(tmp_path, "-k", "canary")
    assert judged.verdicts["canary"] == "conforms", judged.output
    caught = next(each for each in judged.report["behaviours"] if each["id"] == "canary")
    assert "none of" in caught["findings"][0]["evidence"]["caught"]
    assert (judged.status, judged.report["verdict"]) == (6, "incomplete")
    assert judged.report["run"]["partial"] == "-k canary"


@pytest.mark.parametrize("variant", ["kubelet-one-ip"])
def test_what_is_waived_shows_as_waived_and_does_not_fail_the_run(variant, tmp_path):
    lab("up", "--variant", variant)
    waivers = tmp_path / "waivers.yaml"
    waivers.write_text(
        "waivers:\n"
        "  - {behaviour: node-internal-ips, subject: node2, family: IPv6, "
        "reason: known, owner: ops, expiry: 2999-12-31, ticket: T-1}\n"
        "  - {behaviour: pod-host-network, subject: host pod on node2, family: IPv6, "
        "reason: known, owner: ops, expiry: 2999-12-31, ticket: T-1}\n"
    )
    judged = judge(tmp_path / "reports", f"--waivers={waivers}")
    assert judged.status == 0, judged.output
    assert judged.verdicts["node-internal-ips"] == "waived"
    assert [each["state"] for each in judged.report["waivers"]] == ["used", "used"]
    assert "waived" in judged.report["sentence"]
