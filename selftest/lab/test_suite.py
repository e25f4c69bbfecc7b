"""The suite on real clusters: quiet on healthy ones, and exact on misdeployed and damaged ones.

What must break is written beside each variant and each fault (`expect:`, lab/expect.py). Exact means: these
findings and no others, each with its subject and its family.
"""

import os
from typing import NamedTuple

import pytest
from suite import ROOT, judge, lab

from lab import faults, variants
from lab.artifacts import uml
from lab.expect import Expect, problems, unnamed, verdict

pytestmark = pytest.mark.lab
EACH_ALONE = bool(os.environ.get("FAULTS_ALONE"))  # `make faults`
NO_OWN_KERNEL = pytest.mark.skipif(
    os.uname().machine not in uml.MACHINES, reason="there is no user-mode Linux for this machine's type"
)


class Case(NamedTuple):
    """A cluster, and the faults that are done to it in one run."""

    variant: str
    faults: tuple[str, ...]
    expects: tuple[Expect, ...]

    @property
    def id(self) -> str:
        return "+".join(self.faults) or self.variant


def cases() -> list[Case]:
    """All variants and faults that say what they must break; faults that do not meet in one case."""
    found = [
        Case(name, (), (expect,))
        for name in variants.names()
        if (expect := variants.expectation(name)) and (expect.often or EACH_ALONE)
    ]
    groups: dict[str, list[tuple[str, Expect]]] = {}
    for name in faults.names():
        expect = faults.load(name).expect
        if expect and (expect.often or EACH_ALONE):
            alone = EACH_ALONE or not expect.together
            groups.setdefault(f"fault {name}" if alone else expect.together, []).append((name, expect))
    for group in groups.values():
        names, expects = zip(*group, strict=True)
        found.append(Case(expects[0].variant, names, expects))
    return found


def options(expect: Expect) -> list[str]:
    """What a case is judged by."""
    site = [f"--expect={ROOT}/lab/sites/{expect.site}.yaml"] if expect.site else []
    return [f"--profile={expect.profile}", *site]


@pytest.mark.parametrize(
    ("variant", "case"),
    [
        pytest.param(
            case.variant,
            case,
            id=case.id,
            marks=[NO_OWN_KERNEL] if variants.load(case.variant).own_kernels else [],
        )
        for case in cases()
    ],
)
def test_what_must_break_breaks_and_nothing_else(variant, case, tmp_path):
    healthy = not case.faults and variants.load(variant).healthy
    strict = ["--strict-support"] if healthy else []
    lab("up", "--variant", variant)
    done: list[str] = []
    try:
        for fault in case.faults:
            lab("fault", fault)
            done.append(fault)
        judged = judge(tmp_path, *options(case.expects[0]), *strict)
    finally:
        for fault in reversed(done):
            lab("mend", fault)
    assert problems(case.expects, judged.findings()) == [], judged.output
    sentences = [each["sentence"] for each in judged.report["causes"]]
    assert unnamed(case.expects, sentences) == [], sentences
    assert bool(judged.report["left_behind"]) == any(each.leaves for each in case.expects)
    assert verdict(case.expects) in ("any", judged.report["verdict"]), judged.output
    if healthy:
        unjudged = {id_ for id_, each in judged.verdicts.items() if each == "not-judged"}
        assert unjudged == set(case.expects[0].unjudged)


def test_workers_change_nothing_but_the_processes(tmp_path):
    lab("up")
    judged = judge(tmp_path, "-n", "2")
    assert judged.status == 0, judged.output
    assert set(judged.verdicts.values()) == {"conforms", "not-applicable"}


@pytest.mark.parametrize("variant", ["limits"])
def test_the_strict_option_makes_a_limit_count(variant, tmp_path):
    lab("up", "--variant", variant)
    profile = tmp_path / "ipvs-only.yaml"
    profile.write_text(
        "name: ipvs-only\ntitle: as the first document had it\nextends: aks-engine\n"
        'limits: {proxy-modes: {"1.16": [ipvs], "1.18": [ipvs]}}\n'
    )
    judged = judge(tmp_path / "reports", f"--profile={profile}", "--strict-support")
    assert (judged.status, judged.report["verdict"]) == (1, "not-conformant"), judged.output
    assert judged.verdicts["limit-proxy-mode"] == "unsupported"
    outside = [each["id"] for each in judged.report["behaviours"] if each["support"] == "outside"]
    assert "limit-proxy-mode" in outside


@pytest.mark.parametrize("variant", ["services-ipv4-only"])
def test_the_cause_is_the_api_servers_own_word(variant, tmp_path):
    lab("up", "--variant", variant)
    judged = judge(tmp_path)
    assert "not configured on this cluster" in judged.causes("service-ipv6")
    assert judged.verdicts["cluster-ip-tcp"] == judged.verdicts["lb-ipv6"] == "not-judged"
