"""Between pytest and the judge: what is selected, what applies, and what a test's findings come to."""

import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import pytest

from dualstack.play.plan import Plan, why_left_out
from dualstack.profile.model import Profile
from dualstack.report import conclude as concluding
from dualstack.scenario.board import Board, NotSeen
from dualstack.scenario.scenario import Scenario
from dualstack.session import terminal
from dualstack.session.catalogue import TOPICS
from dualstack.session.record import Declared, Record, result_of
from dualstack.session.run import Shared
from dualstack.survey.model import Survey
from dualstack.survey.version import Release
from dualstack.verdict.behaviour import Behaviour
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Level, Tier, Verdict

JUDGE = pytest.StashKey[Judge]()
SHARED = pytest.StashKey[Shared]()
BOARD = pytest.StashKey[Board]()


def behaviour_of(item: pytest.Item) -> Behaviour:
    """The declaration on a test. A test without one is a mistake of ours."""
    declared = getattr(getattr(item, "function", None), "behaviour", None)
    if not isinstance(declared, Behaviour):
        raise pytest.UsageError(f"{item.nodeid}: declares no @behaviour")
    return declared


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests by topic, in the order of the report."""
    return sorted(
        items, key=lambda item: TOPICS.index(topic) if (topic := _topic(item)) in TOPICS else len(TOPICS)
    )


def declare(items: Sequence[pytest.Item], profile: Profile) -> list[Declared]:
    """What was collected, with the profile's levels."""
    return [_declared(item, profile, order) for order, item in enumerate(items)]


class Judging:
    """The hooks of every process that judges."""

    def __init__(self, config: pytest.Config, shared: Shared, board: Board | None) -> None:
        self.config, self.shared = config, shared
        config.stash[SHARED] = shared
        config.stash[BOARD] = board or Board(shared.work / "observations")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Judge only what applies."""
        call(pyfuncitem, self.shared)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Give each test its judge."""
        _give_judge(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn findings into a verdict, and the verdict into pytest's outcome."""
        report = yield
        if isinstance(item, pytest.Function):
            conclude(item, call, report, self.shared)
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Name verdicts by our words in pytest's own lines."""
        return terminal.status(report)


def needs_of(items: Iterable[pytest.Item], shared: Shared) -> list[type[Scenario]]:
    """Return the scenarios that the tests' behaviours need, as far as these apply to the cluster."""
    needed: dict[type[Scenario], None] = {}
    for item in items:
        try:
            check_applies(behaviour_of(item), shared.survey, shared.profile)
        except (NotApplicable, CannotJudge):
            continue
        needed |= dict.fromkeys(getattr(getattr(item, "function", None), "needs", ()))
    return list(needed)


def call(item: pytest.Function, shared: Shared) -> None:
    """Run a test if its behaviour applies; a reason not to judge is a finding, not an error."""
    judge = item.stash[JUDGE]
    try:
        check_applies(behaviour_of(item), shared.survey, shared.profile)
        item.obj(**{name: item.funcargs[name] for name in item._fixtureinfo.argnames})
        if behaviour_of(item).every_node:
            _add_left_out(judge, shared)
        if behaviour_of(item).every_pair:
            _add_pairs(judge, shared)
    except NotApplicable as reason:
        judge.not_applicable(concluding.CLUSTER, str(reason))
    except (CannotJudge, NotSeen) as reason:
        judge.cannot(concluding.CLUSTER, str(reason))


def _add_left_out(judge: Judge, shared: Shared) -> None:
    """Record the nodes that got no probe pods: a claim about every node is not judged there."""
    for node in shared.survey.nodes:
        if why := why_left_out(node, shared.profile):
            record = judge.cannot if why.promised else judge.not_applicable
            record(node.name, f"left out: {why.reason}")


def _add_pairs(judge: Judge, shared: Shared) -> None:
    """Record the pairs of nodes that were not probed: a large cluster is sampled."""
    if shared.pairs_left_out:
        judge.not_applicable(
            f"{shared.pairs_left_out} other pairs of nodes",
            "not probed: in a cluster of this size each node is source and target of a few (--full-mesh)",
        )


def _give_judge(item: pytest.Item) -> None:
    item.stash[JUDGE] = Judge(limit=behaviour_of(item).limit is not None)


def conclude(
    item: pytest.Function, call: pytest.CallInfo[None], report: pytest.TestReport, shared: Shared
) -> None:
    """Record a test's result and set pytest's outcome by it."""
    if call.when == "teardown" or (call.when == "setup" and report.passed):
        return
    declared = _declared(item, shared.profile, 0)
    findings = concluding.without_departed(item.stash[JUDGE].findings, item.config.stash[BOARD].departed())
    findings = concluding.without_unpromised(findings, shared.profile.promises.families)
    verdict, reason = concluding.verdict_of(findings), concluding.reason(findings)
    if report.failed:  # a mistake of ours: shown as an error, and nothing is claimed about the cluster
        what = call.excinfo.exconly() if call.excinfo else "unknown error"
        findings, verdict = [], Verdict.NOT_JUDGED
        reason = f"the check itself failed: {what.splitlines()[0]}"
    result = result_of(declared, verdict=verdict, reason=reason).model_copy(
        update={
            "families": concluding.by_family(findings),
            "findings": list(findings),
            "seconds": round(time.time() - call.start, 3),
        }
    )
    try:
        Record.of(shared.work).add(result)
    except OSError as error:  # the result is lost: it counts as not judged
        report.outcome, report.longrepr = "failed", f"cannot write the result: {error.strerror}"
        return
    report.user_properties.append(("verdict", f"{verdict}"))
    report.user_properties.append(("level", f"{declared.level}"))
    if report.passed and verdict is not Verdict.CONFORMS:
        broken = verdict is Verdict.BREAKS and declared.level is Level.MUST
        report.outcome = "failed" if broken else "skipped"
        report.longrepr = reason if broken else (str(item.path), 0, f"{verdict}: {reason}")


def why_not(declared: Iterable[Declared], shared: Shared, plan: Plan) -> dict[str, str]:
    """Return why behaviours will not be judged, by id, as far as it is known before the run."""
    reasons: dict[str, str] = {}
    for each in declared:
        try:
            check_applies(each.behaviour, shared.survey, shared.profile)
        except NotApplicable as reason:
            reasons[each.behaviour.id] = f"not applicable: {reason}"
        except CannotJudge as reason:
            reasons[each.behaviour.id] = f"not judged: {reason}"
        else:
            if each.behaviour.tier is not Tier.READ and plan.creates_nothing:
                reasons[each.behaviour.id] = f"not judged: {plan.creates_nothing}"
    return reasons


def _declared(item: pytest.Item, profile: Profile, order: int) -> Declared:
    behaviour = behaviour_of(item)
    level = profile.levels.get(behaviour.id, behaviour.level)
    return Declared(behaviour=behaviour, level=level, topic=_topic(item), order=order)


def _topic(item: pytest.Item) -> str:
    return Path(item.path).stem.removeprefix("test_").replace("_", "-")


def check_applies(behaviour: Behaviour, survey: Survey, profile: Profile) -> None:
    """Raise NotApplicable or CannotJudge where there is nothing to judge, or nothing to judge by."""
    if survey.release < Release.parse(behaviour.since):
        raise NotApplicable(f"came with Kubernetes {behaviour.since}; this server is {survey.release}")
    if behaviour.until and Release.parse(behaviour.until) < survey.release:
        raise NotApplicable(f"ended with Kubernetes {behaviour.until}; this server is {survey.release}")
    if behaviour.promise and getattr(profile.promises, behaviour.promise) in ([], False, "none"):
        key = behaviour.promise.replace("_", "-")
        raise NotApplicable(f"profile {profile.name} makes no promise of it (promises.{key})")
    if behaviour.both_families and len(profile.promises.families) == 1:
        only = profile.promises.families[0]
        raise NotApplicable(f"profile {profile.name} promises {only} only (promises.families)")
    if behaviour.expects and not any(getattr(profile.expect, key) for key in behaviour.expects):
        keys = " and no ".join(f"`{key.replace('_', '-')}`" for key in behaviour.expects)
        raise NotApplicable(f"the site expects no {keys} (--expect)")
    if behaviour.limit and getattr(profile.limits, behaviour.limit) is None:
        raise NotApplicable(f"profile {profile.name} documents no such limit")
    for fact in behaviour.reads:
        if fact in survey.missing:
            raise CannotJudge(survey.missing[fact])
