import factory
import pytest

from dualstack.family import Family, family_of
from dualstack.report.conclude import by_family, outcome, reason, verdict_of, without_departed
from dualstack.report.model import BehaviourResult
from dualstack.scenario.seen import ObjectSeen
from dualstack.verdict.finding import Finding, remedy_of
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Outcome, Tier, Verdict


def result(verdict, level=Level.MUST, id_="some-behaviour"):
    return BehaviourResult(
        id=id_, level=level, tier=Tier.READ, topic="nodes", claim="c", source="s", remedy="r", verdict=verdict
    )


def concluded(*results, partial=None, interrupted=None, strict=False):
    return outcome(results, partial=partial, interrupted=interrupted, strict_support=strict)[0]


def test_nothing_tested_is_not_green():
    judge = Judge()
    assert list(judge.each([], "nodes")) == []
    assert verdict_of(judge.findings) is Verdict.BREAKS
    assert verdict_of([]) is Verdict.NOT_JUDGED
    assert concluded() is Outcome.INCOMPLETE
    assert concluded(result(Verdict.NOT_APPLICABLE)) is Outcome.INCOMPLETE


def test_a_behaviour_is_as_bad_as_its_worst_finding_and_says_where():
    judge = Judge()
    judge("node0", True, family=Family.V6, cause="unused")
    judge("node1", False, family=Family.V6, cause="no IPv6 InternalIP")
    judge.cannot("node2", "gone", family=Family.V4)
    assert verdict_of(judge.findings) is Verdict.BREAKS
    assert by_family(judge.findings) == {Family.V4: Verdict.NOT_JUDGED, Family.V6: Verdict.BREAKS}
    assert reason(judge.findings) == "node1 (IPv6): no IPv6 InternalIP"


def test_a_limit_that_does_not_hold_is_unsupported():
    judge = Judge(limit=True)
    judge("node0", False, cause="Windows")
    assert verdict_of(judge.findings) is Verdict.UNSUPPORTED


@pytest.mark.parametrize(
    ("results", "options", "expected"),
    [
        ([result(Verdict.CONFORMS)], {}, Outcome.CONFORMANT),
        ([result(Verdict.CONFORMS), result(Verdict.BREAKS)], {}, Outcome.NOT_CONFORMANT),
        ([result(Verdict.CONFORMS), result(Verdict.BREAKS, Level.SHOULD)], {}, Outcome.CONFORMANT),
        ([result(Verdict.CONFORMS), result(Verdict.NOT_JUDGED)], {}, Outcome.INCOMPLETE),
        ([result(Verdict.CONFORMS), result(Verdict.NOT_JUDGED, Level.SHOULD)], {}, Outcome.CONFORMANT),
        ([result(Verdict.BREAKS), result(Verdict.NOT_JUDGED)], {}, Outcome.NOT_CONFORMANT),
        ([result(Verdict.CONFORMS)], {"partial": "-k nodes"}, Outcome.INCOMPLETE),
        ([result(Verdict.CONFORMS)], {"interrupted": "Ctrl-C"}, Outcome.INCOMPLETE),
        ([result(Verdict.CONFORMS), result(Verdict.UNSUPPORTED)], {}, Outcome.CONFORMANT),
        ([result(Verdict.CONFORMS), result(Verdict.UNSUPPORTED)], {"strict": True}, Outcome.NOT_CONFORMANT),
    ],
)
def test_the_outcome_follows_from_what_must_be(results, options, expected):
    assert concluded(*results, **options) is expected


def test_an_ipv4_mapped_address_is_ipv4():
    assert family_of("::ffff:10.0.0.1") is Family.V4
    assert family_of("fd00::/64") is Family.V6


@pytest.mark.parametrize(
    ("spec", "verdict"),
    [
        ({"ipFamily": "IPv6", "clusterIP": "fd00:96::10"}, Verdict.CONFORMS),
        ({"ipFamily": "IPv4", "clusterIP": "10.0.0.10"}, Verdict.BREAKS),
        ({"clusterIP": "10.0.0.10"}, Verdict.BREAKS),  # the gate is off: the field is dropped
    ],
)
def test_the_legacy_field_is_judged_on_answers_as_1_19_gives_them(suite_module, spec, verdict):
    judge = Judge()
    service = ObjectSeen(kind="Service", name="service-ipv6", asked={"ipFamily": "IPv6"}, spec=spec)
    suite_module("test_services").judge_legacy(judge, service)
    assert verdict_of(judge.findings) is verdict


def test_what_does_not_hold_of_a_node_that_left_is_no_finding():
    judge = Judge()
    judge("node0 → node1", False, cause="no answer", source="node0", target="node1", family=Family.V6)
    judge.cannot("node1", "exec: no such node")
    judge("node0 → node2", False, cause="no answer", source="node0", target="node2", family=Family.V6)
    judge("node1", True, cause="")
    found = without_departed(judge.findings, {"node1"})
    assert [each.verdict for each in found] == [
        Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE, Verdict.BREAKS, Verdict.CONFORMS,
    ]  # fmt: skip
    assert found[0].cause == "node1 left the cluster during the run"


def test_what_was_left_out_stands_in_the_sentence():
    judge = Judge()
    judge("x", True, cause="")
    result = factory.behaviour("x", judge)
    _, sentence = outcome(
        [result], partial=None, interrupted=None, strict_support=False, notes=["left out: win0"]
    )
    assert sentence == "This cluster is conformant; left out: win0."


def test_nothing_to_judge_is_a_break_unless_the_reason_was_given():
    silent = Judge()
    assert list(silent.each([], "paths")) == []
    assert silent.findings[0].verdict is Verdict.BREAKS
    given = Judge()
    given.cannot("service x", "forbidden: create services")
    assert list(given.each([], "paths")) == []
    assert [each.verdict for each in given.findings] == [Verdict.NOT_JUDGED]


@pytest.mark.parametrize(
    ("own", "said"), [([], "general"), ([None], "general"), (["a", None, "a"], "a"), (["a", "b"], "general")]
)
def test_what_to_do_is_a_findings_own_word_only_if_all_say_the_same(own, said):
    findings = [Finding(subject="x", verdict=Verdict.BREAKS, remedy=each) for each in own]
    assert remedy_of(findings, "general") == said
