"""The table of versions: complete, steady, and not from before a release was added."""

from datetime import timedelta

import factory
import pytest

from bench import versions
from bench.kept import not_yet
from dualstack.family import Family
from dualstack.report.model import BehaviourResult, Report
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Outcome
from lab import variants
from lab.artifacts import recipe

CLUSTERS = dict.fromkeys(versions.CLUSTERS, ())
RELEASES = {path.name.removeprefix("kubernetes-") for path in recipe.MODULES.glob("kubernetes-*")}


def ended(release: str) -> BehaviourResult:
    judge = Judge()
    judge.not_applicable("cluster", f"ended with Kubernetes 1.19; this server is {release}")
    return factory.behaviour("legacy", judge)


def reported(release: str, *results: BehaviourResult, minutes: int = 0) -> Report:
    report = factory.report(*results)
    later = report.run.end + timedelta(minutes=minutes)
    run = report.run.model_copy(update={"id": f"run{minutes}", "end": later})
    cluster = report.cluster.model_copy(update={"version": f"v{release}.1", "uid": f"uid{minutes}"})
    return report.model_copy(update={"run": run, "cluster": cluster})


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_every_release_that_the_lab_knows_is_judged() -> None:
    judged = [variants.load(name).kubernetes for name in versions.CLUSTERS]
    assert set(judged) == RELEASES
    assert judged == sorted(judged, key=lambda release: int(release.partition(".")[2]))
    assert all(variants.load(name).healthy for name in versions.CLUSTERS)


@pytest.mark.parametrize("release", sorted(RELEASES))
def test_the_document_was_made_with_this_release(release: str) -> None:
    version = recipe.of_release(release)[0].version.removeprefix("v")
    (row,) = [row for row in rows(versions.DOCUMENT.read_text()) if row[0] == version]
    assert row[4] == str(Outcome.CONFORMANT)


def test_the_document_is_what_the_program_writes_today() -> None:
    text = versions.DOCUMENT.read_text()
    parts = (versions.HEAD, versions.NOT_APPLICABLE, versions.OTHERWISE, versions.TAIL)
    assert all(part in text for part in parts)


def test_a_reason_is_told_once_for_all_releases_that_share_it() -> None:
    text = versions.document(
        {"one": reported("1.23", ended("1.23")), "other": reported("1.28", ended("1.28"))}
    )
    assert ["legacy", "ended with Kubernetes 1.19", "1.23.1, 1.28.1"] in rows(text)


def test_what_does_not_conform_is_named() -> None:
    bad = factory.addresses(bad={("node2", Family.V6)})
    (row,) = [row for row in rows(versions.document({"v": reported("1.23", bad)})) if row[0] == "1.23.1"]
    assert row[4:] == [str(Outcome.NOT_CONFORMANT), "0", "0", "breaks: node-internal-ips"]


def test_times_and_names_of_a_run_change_nothing() -> None:
    first, second = (
        versions.document({"v": reported("1.23", factory.addresses(), minutes=minutes)}) for minutes in (0, 5)
    )
    assert first == second


def test_a_table_is_made_of_one_suites_reports_on_every_release() -> None:
    whole = {
        name: reported("1.23", factory.addresses(), minutes=n) for n, name in enumerate(versions.CLUSTERS)
    }
    first, *_, last = versions.CLUSTERS
    assert not_yet(CLUSTERS, whole) is None
    assert f"no report on {last} yet" in str(not_yet(CLUSTERS, {k: v for k, v in whole.items() if k != last}))
    older = whole | {first: reported("1.19", ended("1.19"))}
    assert str(not_yet(CLUSTERS, older)).startswith(f"{first} must be judged again")
