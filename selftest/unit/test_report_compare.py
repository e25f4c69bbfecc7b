import json
import re

import factory
import pytest

from dualstack import cli
from dualstack.family import Family
from dualstack.report import canonical, compare_views
from dualstack.report.compare import compare
from dualstack.report.compare_views import FORMATS
from dualstack.verdict.finding import Finding
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

V6 = Family.V6


def one(verdict, *, subject="node0", cause=None, **kwargs):
    """A report of one finding with this verdict; None: a report that says nothing of it."""
    judge = Judge()
    if verdict:
        judge.findings.append(Finding(subject=subject, family=V6, verdict=verdict, cause=cause))
    return factory.report(factory.behaviour("node-internal-ips", judge), **kwargs)


def lists(comparison):
    return [
        name for name in ("new", "resolved", "unchanged", "incomparable") if getattr(comparison, name)
    ] + ["good"] * comparison.unchanged_good


GOOD, BAD, OUT = Verdict.CONFORMS, Verdict.BREAKS, Verdict.UNSUPPORTED
WAIVED, UNJUDGED, NOT_APPLICABLE = Verdict.WAIVED, Verdict.NOT_JUDGED, Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (GOOD, GOOD, ["good"]),
        (GOOD, BAD, ["new"]),
        (GOOD, OUT, ["new"]),
        (BAD, GOOD, ["resolved"]),
        (OUT, GOOD, ["resolved"]),
        (BAD, BAD, ["unchanged"]),
        (BAD, OUT, ["unchanged"]),
        (BAD, WAIVED, ["unchanged"]),
        (GOOD, WAIVED, ["unchanged"]),
        (WAIVED, BAD, ["new"]),
        (WAIVED, GOOD, ["resolved"]),
        (BAD, UNJUDGED, ["incomparable"]),
        (BAD, NOT_APPLICABLE, ["incomparable"]),
        (BAD, None, ["incomparable"]),
        (GOOD, UNJUDGED, ["incomparable"]),
        (UNJUDGED, BAD, ["incomparable"]),
        (None, BAD, ["incomparable"]),
        (UNJUDGED, NOT_APPLICABLE, []),
        (None, UNJUDGED, []),
    ],
)
def test_only_what_both_runs_judged_is_new_or_resolved(old, new, told):
    comparison = compare(one(old), one(new))
    assert lists(comparison) == told
    assert len(comparison.unseen) == (new is BAD and old in (None, UNJUDGED))


def test_a_break_whose_subject_is_gone_is_not_resolved():
    old = factory.report(factory.addresses(bad={("node2", V6)}))
    new = factory.report(factory.addresses(nodes=("node0", "node1")), nodes=("node0", "node1"))
    comparison = compare(old, new)
    assert comparison.resolved == []
    assert [(each.subject, each.family, each.old, each.new) for each in comparison.incomparable] == [
        ("node2", "IPv4", "conforms", None),
        ("node2", "IPv6", "breaks", None),
    ]
    assert [(each.what, each.old) for each in comparison.context if "removed" in each.what] == [
        ("nodes removed", "node2")
    ]


def test_of_several_findings_about_one_subject_the_worst_counts():
    judge = Judge()
    for holds in (True, False, True):
        judge("node0", holds, family=V6, cause="seen once")
    new = factory.report(factory.behaviour("node-internal-ips", judge))
    (change,) = compare(one(GOOD), new).new
    assert change.cause == "seen once"


def test_an_equal_run_has_no_changes_and_no_context():
    comparison = compare(factory.damaged(), factory.damaged())
    assert lists(comparison)[:1] == ["unchanged"]
    assert comparison.context == []
    assert {each.subject for each in comparison.unchanged} == {"node2", "node0 → node2"}


def test_the_context_names_what_differs():
    old = factory.healthy()
    cluster = old.cluster.model_copy(
        update={"version": "v1.37.0", "proxy_mode": "nftables", "service_ranges": ["10.0.0.0/16"]}
    )
    new = old.model_copy(
        update={
            "cluster": cluster,
            "run": old.run.model_copy(update={"suite_version": "0.2.0"}),
            "profile": old.profile.model_copy(update={"digest": "11"}),
        }
    )
    assert {each.what: (each.old, each.new) for each in compare(old, new).context} == {
        "suite version": ("0.1.0", "0.2.0"),
        "profile digest": ("00", "11"),
        "Kubernetes version": ("v1.36.3", "v1.37.0"),
        "service ranges": ("10.96.0.0/16, fd00:96::/112", "10.0.0.0/16"),
        "proxy mode": ("iptables", "nftables"),
    }


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (factory.healthy, factory.damaged),
        (factory.damaged, factory.healthy),
        (factory.early, factory.hostile),
        (factory.hostile, factory.early),
    ],
)
def test_every_view_is_harmless_and_says_the_counts(name, old, new):
    comparison = compare(old(), new())
    text = FORMATS[name](comparison)
    assert "\x1b" not in text
    if name == "json":
        document = json.loads(text)
        assert [len(document[key]) for key in ("new", "incomparable")] == [
            len(comparison.new),
            len(comparison.incomparable),
        ]
        return
    assert f"{len(comparison.new)} new, {len(comparison.resolved)} resolved" in text
    assert "\u202e" not in text
    assert name == "text" or "<script" not in text
    assert not re.search(r'(src|href)=["\']', text)


def test_markdown_keeps_its_columns():
    for block in FORMATS["markdown"](compare(factory.early(), factory.hostile())).split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1


@pytest.fixture
def runs(tmp_path):
    for name, report in (("good", factory.healthy()), ("bad", factory.damaged())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(canonical.to_json(report))
    return tmp_path


def test_the_command_compares_files_and_folders_and_fails_only_if_asked(runs, capsys):
    good, bad = str(runs / "good"), str(runs / "bad/report.json")
    assert cli.main(["report", "compare", good, bad]) == 0
    assert "2 new, 0 resolved" in capsys.readouterr().out
    assert cli.main(["report", "compare", good, bad, "--fail-on", "new"]) == 1
    assert cli.main(["report", "compare", bad, good, "--fail-on", "new"]) == 0
    assert cli.main(["report", "compare", bad, bad, "--fail-on", "new"]) == 0


def test_the_command_renders_to_a_file_and_to_a_device(runs, capsys):
    out = runs / "out.csv"
    assert cli.main(["report", "render", str(runs / "bad"), "--format", "csv", "-o", str(out)]) == 0
    assert "node-internal-ips" in out.read_text()
    assert cli.main(["report", "render", str(runs / "bad"), "--format", "html", "-o", "/dev/null"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "render", "{}/none.json", "--format", "html"],
        ["report", "render", "{}", "--format", "html"],
        ["report", "render", "{}/bad", "--format", "html", "-o", "{}/no/such/file"],
        ["report", "compare", "{}/good", "{}/none"],
        ["report", "history", "{}/none"],
        ["report", "history", "{}/good"],
    ],
)
def test_bad_input_is_one_line_and_status_4(arguments, runs, capsys):
    assert cli.main([each.format(runs) for each in arguments]) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert str(runs) in told.err


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        ([("node0", True)], []),
        ([("node0", None)], ["x"]),
        ([("cluster", None)], ["x"]),
        ([("node1", None)], []),  # another node: the one that was judged is gone
        ([], ["x"]),
    ],
)
def test_what_must_hold_and_can_no_longer_be_judged_is_lost(now, lost):
    """A night on which nothing could be judged must not pass for one without news."""

    def run(*findings):
        judge = Judge()
        for subject, holds in findings:
            if holds is None:
                judge.cannot(subject, "forbidden: create pods/exec")
            else:
                judge(subject, holds, cause="c")
        return factory.report(*([factory.behaviour("x", judge)] if findings else []))

    comparison = compare(run(("node0", True)), run(*now))
    assert comparison.lost == lost
    assert ("Could be judged before and not now: x" in compare_views.text(comparison)) == bool(lost)
