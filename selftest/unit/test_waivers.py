import re
import textwrap
from datetime import date, timedelta

import factory
import pytest

from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.places import ROOT
from dualstack.report.conclude import outcome
from dualstack.session.waivers import Waiver, Waivers, apply, load
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Outcome, Verdict

TODAY = date(2026, 11, 23)
ID = "node-internal-ips"
BAD = {("node2", Family.V6)}


def waiver(subject="node2", behaviour=ID, family=None, expiry=TODAY, **more):
    facts = {"reason": "Two racks wait for IPv6.", "owner": "R. Example", "ticket": "CHG-7"} | more
    return Waiver(behaviour=behaviour, subject=subject, family=family, expiry=expiry, **facts)


def applied(results, *waivers, today=TODAY):
    return apply(results, Waivers(waivers=list(waivers)), today)


def states(uses):
    return [(use.state, use.findings) for use in uses]


def concluded(results, *, strict=False):
    return outcome(results, partial=None, interrupted=None, strict_support=strict)


def test_a_waived_must_is_waived_and_never_conforms():
    before = factory.addresses(bad=BAD)
    (after,), (use,) = applied([before], waiver())
    assert after.verdict is Verdict.WAIVED
    assert after.families == {Family.V4: Verdict.CONFORMS, Family.V6: Verdict.WAIVED}
    assert after.reason == before.reason == "node2 (IPv6): no IPv6 InternalIP"
    assert (use.state, use.findings, use.owner) == ("used", 1, "R. Example")


def test_what_was_seen_stays_and_who_waived_it_stands_beside():
    before = factory.addresses(bad=BAD)
    (after,), _ = applied([before], waiver())
    (waived,) = [each for each in after.findings if each.verdict is Verdict.WAIVED]
    assert waived.cause == "no IPv6 InternalIP"
    assert waived.evidence == {
        "internal_ips": ["10.0.0.1"],
        "waiver_reason": "Two racks wait for IPv6.",
        "waiver_owner": "R. Example",
        "waiver_ticket": "CHG-7",
        "waiver_expiry": "2026-11-23",
    }
    others = [each for each in after.findings if each.verdict is not Verdict.WAIVED]
    assert others == [each for each in before.findings if each.verdict is Verdict.CONFORMS]
    assert before == factory.addresses(bad=BAD), "apply changes nothing that it was given"


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (waiver(), ("used", 1)),
        (waiver("node?", expiry=TODAY), ("too-broad", 1)),
        (waiver("*2", family=Family.V6), ("used", 1)),
        (waiver(family=Family.V4), ("unused", 0)),
        (waiver("node1"), ("unused", 0)),
        (waiver("ode2"), ("unused", 0)),
        (waiver("NODE2"), ("unused", 0)),
        (waiver(behaviour="pod-interface"), ("unused", 0)),
        (waiver("node2", behaviour="no-such-behaviour"), ("unused", 0)),
        (waiver(expiry=TODAY - timedelta(days=1)), ("expired", 0)),
        (waiver("*", expiry=TODAY - timedelta(days=1)), ("expired", 0)),
        (waiver("*"), ("too-broad", 1)),
        (waiver("**"), ("too-broad", 1)),
        (waiver("*", family=Family.V4), ("too-broad", 0)),
        (waiver("*", behaviour="no-such-behaviour"), ("too-broad", 0)),
        (waiver("node*"), ("too-broad", 1)),
    ],
)
def test_every_waiver_is_accounted_for(made, state):
    (after, _), uses = applied([factory.addresses(bad=BAD), factory.unjudged()], made)
    assert states(uses) == [state]
    assert after.verdict is (Verdict.WAIVED if state[1] else Verdict.BREAKS)


def test_a_pattern_that_fits_a_behaviours_only_subject_is_not_too_broad():
    judge = Judge()
    judge("cluster", False, cause="one range only")
    _, uses = applied([factory.behaviour("ranges", judge)], waiver("cluster", behaviour="ranges"))
    assert states(uses) == [("used", 1)]


def test_the_narrow_one_is_used_before_the_broad_one_that_hides_the_rest():
    results = [factory.addresses(bad={("node1", Family.V6), ("node2", Family.V6)})]
    (after,), uses = applied(results, waiver("*", ticket="BROAD"), waiver("node2", ticket="NARROW"))
    assert states(uses) == [("too-broad", 1), ("used", 1)]
    tickets = {each.subject: each.evidence.get("waiver_ticket") for each in after.findings if each.cause}
    assert tickets == {"node1": "BROAD", "node2": "NARROW"}


def test_an_expired_one_hides_nothing_and_its_renewal_does():
    old, renewed = waiver(expiry=TODAY - timedelta(days=1)), waiver()
    (after,), uses = applied([factory.addresses(bad=BAD)], old, renewed)
    assert states(uses) == [("expired", 0), ("used", 1)]
    assert after.verdict is Verdict.WAIVED


def test_it_waives_until_the_end_of_its_last_day():
    results = [factory.addresses(bad=BAD)]
    assert states(applied(results, waiver(), today=TODAY)[1]) == [("used", 1)]
    assert states(applied(results, waiver(), today=TODAY + timedelta(days=1))[1]) == [("expired", 0)]


def test_what_was_not_judged_cannot_be_waived():
    results, uses = applied([factory.unjudged()], waiver("cluster", behaviour="pod-interface"))
    assert results == [factory.unjudged()]
    assert states(uses) == [("unused", 0)]
    assert concluded([factory.addresses(), *results])[0] is Outcome.INCOMPLETE


def test_a_finding_about_both_families_is_waived_only_without_a_family():
    judge = Judge()
    judge("node2", False, cause="no addresses at all")
    result = factory.behaviour(ID, judge)
    assert states(applied([result], waiver(family=Family.V6))[1]) == [("unused", 0)]
    assert states(applied([result], waiver())[1]) == [("used", 1)]


def test_brackets_and_arrows_in_a_subject_stand_for_themselves():
    judge = Judge()
    judge("node0 → [fd00::1]:80", False, cause="refused")
    judge("node0 → f", False, cause="refused")
    (after,), _ = applied([factory.behaviour("x", judge)], waiver("node0 → [fd00::1]:*", behaviour="x"))
    assert [each.verdict for each in after.findings] == [Verdict.WAIVED, Verdict.BREAKS]


def test_a_hostile_subject_harms_nothing():
    (result,) = factory.hostile().behaviours
    (after,), _ = applied([result], waiver(factory.HOSTILE))
    assert after.verdict is Verdict.WAIVED


def test_a_limit_can_be_waived_too():
    judge = Judge(limit=True)
    judge("node2", False, cause="another network plugin")
    result = factory.behaviour("limit-plugin", judge, limit=True, level=Level.INFO)
    assert concluded([factory.addresses(), result], strict=True)[0] is Outcome.NOT_CONFORMANT
    (after,), _ = applied([result], waiver(behaviour="limit-plugin"))
    assert after.verdict is Verdict.WAIVED
    assert concluded([factory.addresses(), after], strict=True)[0] is Outcome.CONFORMANT


def test_the_sentence_names_what_is_waived():
    results, _ = applied([factory.paths(), factory.addresses(bad=BAD)], waiver())
    assert concluded(results) == (
        Outcome.CONFORMANT,
        "This cluster is conformant; 1 finding waived: node-internal-ips.",
    )
    paths = factory.paths(bad={("node0", target, Family.V6) for target in factory.NODES})
    results, _ = applied(
        [factory.addresses(bad=BAD), paths], waiver(), waiver("node0 → *", behaviour="tcp-pod-to-pod")
    )
    assert concluded(results) == (
        Outcome.CONFORMANT,
        "This cluster is conformant; 4 findings waived: node-internal-ips, tcp-pod-to-pod.",
    )


def test_a_must_that_breaks_beside_its_waiver_is_still_broken():
    results, _ = applied([factory.addresses(bad={("node1", Family.V4), *BAD})], waiver())
    verdict, sentence = concluded(results)
    assert verdict is Outcome.NOT_CONFORMANT
    assert sentence.endswith("does not hold; 1 finding waived: node-internal-ips.")
    assert results[0].families == {Family.V4: Verdict.BREAKS, Family.V6: Verdict.WAIVED}


FILE = """
waivers:
  - behaviour: node-internal-ips
    subject: "node?"
    family: IPv6
    reason: Two racks wait for IPv6.
    owner: R. Example
    expiry: 2026-12-31
    ticket: CHG-7
"""


def test_the_file_is_read(tmp_path):
    (tmp_path / "waivers.yaml").write_text(FILE)
    (made,) = load(tmp_path / "waivers.yaml").waivers
    assert made == waiver("node?", family=Family.V6, expiry=date(2026, 12, 31))


def test_the_documented_file_is_one(tmp_path):
    text = (ROOT / "docs/report.md").read_text()
    (block,) = re.findall(r"(?m)(?:^    .*\n)+", text[text.index("    waivers:") :])[:1]
    (tmp_path / "waivers.yaml").write_text(textwrap.dedent(block))
    assert load(tmp_path / "waivers.yaml").waivers


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("waivers:", "waivers: [", "waivers.yaml: line 3: not YAML"),
        (FILE, "- 1", "expected a file of waivers"),
        (FILE, "waivers: 1", "waivers: Input should be a valid array"),
        ("    ticket: CHG-7\n", "", "waivers.0.ticket: Field required"),
        ("ticket:", "tickets:", "waivers.0.ticket"),
        ("ticket: CHG-7", "ticket: CHG-7\n    until: 2027", "waivers.0.until: unknown key"),
        ("R. Example", "' '", "waivers.0.owner: String should have at least 1 character"),
        ("Two racks wait for IPv6.", "", "waivers.0.reason"),
        ("2026-12-31", "someday", "waivers.0.expiry: Input should be a valid date"),
        ("2026-12-31", "2026-13-31", "waivers.yaml: a date is not valid: month must be in 1..12"),
        ("family: IPv6", "family: 6", "waivers.0.family"),
        ("node-internal-ips", "Node IPs", "waivers.0.behaviour"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_the_key(old, new, told, tmp_path):
    (tmp_path / "waivers.yaml").write_text(FILE.replace(old, new))
    with pytest.raises(UserError) as caught:
        load(tmp_path / "waivers.yaml")
    assert told in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read"):
        load(tmp_path / "none.yaml")
