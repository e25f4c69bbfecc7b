import re
import shutil
import subprocess
import textwrap
from datetime import date

import factory
import pytest

from dualstack import cli
from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.places import ROOT
from dualstack.report import canonical, sign_off, site_checks
from dualstack.report.site_checks import Check, Site
from dualstack.verdict.words import Level, Verdict

REPORTS = pytest.mark.parametrize("report", [make() for make in factory.ALL.values()], ids=list(factory.ALL))
VOUCHED = {"by": "R. Example", "on": date(2026, 11, 20), "remark": "CHG-1"}


def check(verdict=None, level=Level.MUST, id_="by-hand"):
    vouched = VOUCHED if verdict else {}
    return Check(id=id_, level=level, claim="The firewall is open.", verdict=verdict, **vouched)


@pytest.mark.parametrize(
    ("report", "checks", "standing"),
    [
        (factory.healthy, [], "ready"),
        (factory.healthy, [check(Verdict.CONFORMS)], "ready"),
        (factory.healthy, [check(Verdict.WAIVED)], "ready"),
        (factory.healthy, [check()], "open"),
        (factory.healthy, [check(Verdict.NOT_JUDGED)], "open"),
        (factory.healthy, [check(Verdict.BREAKS)], "not-ready"),
        (
            factory.healthy,
            [check({Family.V4: Verdict.CONFORMS, Family.V6: Verdict.BREAKS})],
            "not-ready",
        ),
        (
            factory.healthy,
            [check(Verdict.BREAKS, Level.SHOULD), check(None, Level.SHOULD, "b")],
            "ready",
        ),
        (factory.damaged, [check(Verdict.CONFORMS)], "not-ready"),
        (factory.interrupted, [check(Verdict.CONFORMS)], "open"),
        (factory.early, [], "open"),
    ],
)
def test_checks_by_hand_can_only_take_from_the_suites_verdict(report, checks, standing):
    assert sign_off.standing(report(), Site(checks=checks)) == standing


@REPORTS
def test_every_behaviour_and_check_is_a_row_and_nothing_is_harmful(report):
    page = sign_off.render(
        report, Site(title=factory.HOSTILE, checks=[check(), check(Verdict.WAIVED, id_="x")])
    )
    for each in [*(result.id for result in report.behaviours), "by-hand", "x"]:
        assert f">{each}</span></td>" in page
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert not re.search(r'(src|href)="(?!report\.html#)|url\(|@import', page)


def test_the_sheet_names_the_digest_of_the_file_that_it_was_made_from(tmp_path):
    file = tmp_path / "report.json"
    file.write_bytes(canonical.to_json(factory.damaged()))
    digest = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout.split()[0]
    assert digest in sign_off.render(canonical.load(file))


def test_what_does_not_hold_has_its_remedy_and_what_is_open_has_boxes():
    page = sign_off.render(factory.damaged(), Site(checks=[check()], valid_days=90))
    assert "The remedy of node-internal-ips." in page
    assert "forbidden: create pods/exec" in page
    assert "does not</span>" in page
    assert "<b>2027-02-21</b>" in page


def test_a_check_may_not_pass_for_a_behaviour_of_the_suite():
    with pytest.raises(UserError, match="node-internal-ips"):
        sign_off.render(factory.healthy(), Site(checks=[check(id_="node-internal-ips")]))


SITE = """
title: Acceptance of Hall 3
valid-days: 90
signatories: [{role: Acceptance lead, name: R. Example}]
checks:
  - {id: a, claim: One., verdict: {IPv4: conforms, IPv6: breaks}, by: R., on: 2026-11-20, remark: Closed.}
  - {id: b, claim: Two., level: SHOULD}
"""


def test_the_sites_file_is_read(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE)
    made = site_checks.load(tmp_path / "site.yaml")
    assert [each.worst for each in made.checks] == [Verdict.BREAKS, None]
    assert made.checks[0].on == date(2026, 11, 20)
    assert made.valid_days == 90


def test_the_documented_file_is_one(tmp_path):
    text = (ROOT / "docs/report.md").read_text()
    (block,) = re.findall(r"(?m)(?:^    .*\n)+", text[text.index("    title:") :])[:1]
    (tmp_path / "site.yaml").write_text(textwrap.dedent(block))
    assert [each.worst for each in site_checks.load(tmp_path / "site.yaml").checks] == [Verdict.BREAKS]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("- 1", "expected a site's file"),
        ("checks: [", "line 1: not YAML"),
        ("extra: 1", "extra: unknown key"),
        ("valid-days: 0", "valid-days: Input should be greater"),
        ("checks: [{id: a}]", "checks.0.claim: Field required"),
        ("checks: [{id: A b, claim: x}]", "checks.0.id"),
        ("checks: [{id: a, claim: x, verdict: fine}]", "checks.0.verdict"),
        ("checks: [{id: a, claim: x, verdict: conforms}]", "`by` and `on`"),
        ("checks: [{id: a, claim: x, verdict: waived, by: R, on: 2026-01-01}]", "`remark`"),
        ("checks: [{id: a, claim: x}, {id: a, claim: y}]", "a: given twice"),
    ],
)
def test_a_mistake_in_the_sites_file_is_one_line_with_the_key(content, told, tmp_path):
    (tmp_path / "site.yaml").write_text(content)
    with pytest.raises(UserError) as caught:
        site_checks.load(tmp_path / "site.yaml")
    assert told in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_command_makes_the_sheet_with_the_sites_file(tmp_path, capsys):
    (tmp_path / "report.json").write_bytes(canonical.to_json(factory.healthy()))
    (tmp_path / "site.yaml").write_text(SITE)
    arguments = ["report", "render", str(tmp_path), "--site", str(tmp_path / "site.yaml"), "--format"]
    assert cli.main([*arguments, "sign-off", "-o", str(tmp_path / "sign-off.html")]) == 0
    assert "Acceptance of Hall 3" in (tmp_path / "sign-off.html").read_text()
    assert cli.main([*arguments, "html"]) == 4
    assert "--site belongs to" in capsys.readouterr().err


@pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("pdftotext")),
    reason="needs chromium and pdftotext: apt-get install chromium poppler-utils",
)
@pytest.mark.parametrize("size", ["A4", "letter"])
def test_no_row_is_cut_on_paper(size, tmp_path):
    results = [
        factory.addresses(bad={("node2", Family.V6)}).model_copy(
            update={
                "id": f"behaviour-{number:02}",
                "claim": f"Claim {number:02} begins and is long. " * 4 + "Ends",
            }
        )
        for number in range(60)
    ]
    page = sign_off.render(factory.report(*results), Site(checks=[check()]))
    source, made = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    source.write_text(page.replace("<style>", f"<style>@page {{ size: {size} }}", 1))
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        f"--user-data-dir={tmp_path / 'browser'}", "--no-pdf-header-footer", f"--print-to-pdf={made}",
    ]  # fmt: skip
    subprocess.run([*command, source.as_uri()], capture_output=True, check=True, timeout=120)
    text = subprocess.run(["pdftotext", made, "-"], capture_output=True, text=True, check=True).stdout
    pages = text.removesuffix("\f").split("\f")
    assert len(pages) > 5
    for number, content in enumerate(pages, start=1):
        assert f"{number} of {len(pages)}" in content
    for number in range(60):
        (holder,) = [content for content in pages if f"behaviour-{number:02}" in content]
        flat = " ".join(holder.split())
        # The page with the id, which ends the row's first cell, has the claim's beginning too.
        assert f"Claim {number:02} begins" in flat, f"behaviour-{number:02} is cut"
    for content in pages:
        if "behaviour-" in content:
            assert "Requirement" in content, "a page without the table's head"
    (last,) = [content for content in pages if "Decision" in content]
    assert "Accepted by" in last
