"""Large reports: findings are read when needed, and the page stays small and says what it leaves out."""

import hashlib
import json
import re
from itertools import product

import factory
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dualstack import cli
from dualstack.family import FAMILIES, Family
from dualstack.report import canonical, html_page, keys
from dualstack.report.packed import PackedFindings
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict


def loaded(report, folder):
    (folder / "report.json").write_bytes(canonical.to_json(report))
    return canonical.load(folder / "report.json")


def test_findings_that_were_read_are_packed_and_equal_to_what_was_written(tmp_path):
    report = factory.damaged()
    again = loaded(report, tmp_path)
    (first, second), (one, two) = again.behaviours[:2], report.behaviours[:2]
    assert isinstance(first.findings, PackedFindings)
    for _ in range(2):  # going back and forth
        assert list(first.findings) == first.findings == one.findings
        assert second.findings == two.findings
    assert first.findings != two.findings
    assert len(first.findings) == len(one.findings)
    assert (first.findings[-1], first.findings[:2]) == (one.findings[-1], one.findings[:2])
    assert again.model_dump(mode="json") == report.model_dump(mode="json")
    assert canonical.to_json(again) == canonical.to_json(report)


@pytest.mark.parametrize("end", [',"id":"x"}', ',{"claim":"x"}]', '"findings":['])
def test_no_text_is_taken_for_the_end_of_the_findings(end, tmp_path):
    judge = Judge()
    judge(
        "node0]" + end, False, cause=f"[]{end}", seen=[{"findings": [1], "id": end}, {"claim": [], "id": "x"}]
    )
    result = factory.behaviour("one", judge)
    report = factory.report(
        result.model_copy(update={"remedy": f"[]{end}", "claim": end}), factory.addresses()
    )
    assert loaded(report, tmp_path) == report


def damaged_file(folder):
    """A report whose first behaviour, which conforms, has a finding that is none."""
    content = canonical.to_json(factory.report(factory.addresses(), factory.paths()))
    path = folder / "report.json"
    path.write_bytes(content.replace(b'"verdict":"conforms"', b'"verdict":"fine"', 1))
    return path


@pytest.mark.parametrize("name", ["json", "csv", "html", "sign-off"])
def test_a_finding_that_is_none_is_one_line_and_leaves_no_view(name, tmp_path, capsys):
    path, view = damaged_file(tmp_path), tmp_path / "view"
    assert cli.main(["report", "render", str(path), "--format", name, "-o", str(view)]) == cli.BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert "findings of node-internal-ips: 0.verdict: Input should be" in line
    assert not view.exists()


def test_what_is_signed_has_been_checked_to_the_last_finding(tmp_path, monkeypatch, capsys):
    damaged_file(tmp_path)
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv(keys.VARIABLE, key.decode())
    assert cli.main(["report", "sign", str(tmp_path)]) == cli.BAD_INPUT
    assert "findings of node-internal-ips" in capsys.readouterr().err


def large(nodes, behaviours, holds):
    """Names as long as Kubernetes allows; `holds` says of a node's number and a family whether it does."""
    names = [f"{number:04}" + "n" * 249 for number in range(nodes)]
    results = []
    for at in range(behaviours):
        judge = Judge()
        for (number, name), family in product(enumerate(names), FAMILIES):
            target = names[(number * 7919 + at) % nodes]
            judge(
                f"{name} → {target}",
                holds(number, family),
                family=family,
                source=name,
                target=target,
                cause=f"no {family} answer from {target}: timed out after 5 s",
                address="fd00::1",
                rounds=number,
            )
        results.append(factory.behaviour(f"behaviour-{at:03}", judge))
    return factory.report(*results, nodes=names)


@pytest.mark.parametrize("broken", [(), (Family.V6,), FAMILIES])
def test_the_page_is_small_even_if_a_family_is_down_in_a_large_cluster(broken):
    report = large(300, 80, lambda number, family: family not in broken)
    page = html_page.render(report)
    assert len(page.encode()) < 5_000_000
    assert page.count("<details id=") == 80


def test_the_page_says_how_much_it_leaves_out_and_shows_what_is_wrong_first():
    report = large(600, 3, lambda number, family: family is Family.V4 or number % 2)
    page = html_page.render(report)
    assert page.count("<li>and 288 more, ") == 3
    for part in re.findall(r"<details id=.*?</details>", page, re.DOTALL):
        rows = re.findall(r'<span class="mark (\w+)">.*?</span></td>', part)
        left = int(re.search(r"and (\d+) more in report.json", part)[1])
        wrong = int(re.search(r"report.json, (\d+) of them wrong", part)[1])
        assert set(rows) == {"breaks"}
        assert (len(rows) + left, len(rows) + wrong) == (1200, 300)


def test_cells_that_are_shared_say_only_what_is_wrong():
    page = html_page.render(large(100, 1, lambda number, family: number != 99))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r' id="([^"]+)"', page))
    titles = re.findall(r'<use href="#sign-(\w+)"[^>]*>(?:<title>(.*?)</title>)?', page)
    wrong = [title for verdict, title in titles if verdict == Verdict.BREAKS]
    assert len(wrong) == 2
    assert all("0099" in title for title in wrong)
    assert not any(title.startswith("worst of") for verdict, title in titles if verdict == Verdict.CONFORMS)


def test_the_sheet_names_the_digest_of_the_file_as_it_is(tmp_path):
    path, sheet = tmp_path / "report.json", tmp_path / "sheet.html"
    path.write_text(json.dumps(json.loads(canonical.to_json(factory.damaged())), indent=2))
    assert cli.main(["report", "render", str(path), "--format", "sign-off", "-o", str(sheet)]) == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() in sheet.read_text()
