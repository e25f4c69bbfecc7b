"""What a person sees while a run goes on, and at its end."""

import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
from tabulate import tabulate

from dualstack.cluster.ownership import RUN_LABEL
from dualstack.play.plan import Plan
from dualstack.report import compare_views
from dualstack.report import text_table as view
from dualstack.report.compare import Comparison
from dualstack.report.model import Report
from dualstack.scenario.manifests import name_of
from dualstack.session import signals
from dualstack.session.record import Declared
from dualstack.verdict.words import Verdict

EARLY_ENDS = {
    pytest.ExitCode.INTERNAL_ERROR: "an internal error of the suite",
    pytest.ExitCode.NO_TESTS_COLLECTED: "no behaviour was selected",
}


def quieten(config: pytest.Config) -> None:
    """No file names and dots: our own lines of progress say more."""
    if reporter := config.pluginmanager.getplugin("terminalreporter"):
        reporter.showfspath = False


def status(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """(category, letter, word) for pytest's own lines: no letters, and no traceback for a broken claim."""
    verdict = dict(report.user_properties).get("verdict")
    if verdict is None or report.when == "teardown":
        return None
    if report.failed and verdict == Verdict.BREAKS:
        return "broken", "", f"{verdict}: {report.longrepr}"
    return report.outcome, "" if not report.failed else "F", str(verdict)


def why_ended(exitstatus: int) -> str:
    """Why a run ended early, in words."""
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        return f"interrupted by {signals.reason()}"
    return EARLY_ENDS.get(pytest.ExitCode(exitstatus), f"pytest's exit status {exitstatus}")


def why_not_begun(error: BaseException) -> str:
    """Why a run ended before it began, in words."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted by {signals.reason()}"
    return f"{EARLY_ENDS[pytest.ExitCode.INTERNAL_ERROR]} ({type(error).__name__})"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Clean-up is not for interrupting: a second Ctrl-C would leave things behind in somebody's cluster."""
    before = {
        number: signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def last_word(report: Report, comparison: Comparison | None, folder: Path, out: TextIO) -> None:
    """Where the report is, what is new since the baseline, one table, and one sentence at the very end."""
    width = shutil.get_terminal_size((100, 24)).columns
    text = view.table(report, width, out.isatty())
    out.write(f"\nreport: {folder / 'report.html'}\n")
    if report.left_behind:
        names = ", ".join(f"{each.kind} {each.name}" for each in report.left_behind)
        label = f"label {RUN_LABEL}={report.run.id}"
        if report.still_ending:
            out.write(f"STILL ENDING, the cluster has been asked to remove it ({label}): {names}\n")
        else:
            out.write(f"LEFT BEHIND, remove by hand ({label}): {names}\n")
    if comparison is not None:
        out.write(f"\n{compare_views.text(comparison)}\n")
    out.write(f"\n{text}\n")
    out.flush()


def _permissions(plan: Plan) -> list[str]:
    """Say what a run needs the permission for, and what it asks only to explain a failure."""
    needed = [each for each in plan.permissions() if not each.optional]
    explaining = [each for each in plan.permissions() if each.optional]
    return [
        f"{words}: {', '.join(map(str, permissions))}."
        for words, permissions in (("Needs to", needed), ("To explain what fails, would also", explaining))
        if permissions
    ]


def _where(plan: Plan) -> str:
    if plan.namespace:
        return f"in namespace {plan.namespace}, which stays: "
    return "one namespace (removed at the end), with "


def _besides(plan: Plan) -> list[str]:
    """Say what steps make and take away again."""
    made = [f"{count} {kind}" for kind, count in plan.made_besides().items()]
    return [f"Creates and deletes besides: {', '.join(made)}."] if made else []


def _reachable(plan: Plan) -> list[str]:
    """Say what strangers will be able to reach, and until when."""
    services = plan.reachable()
    if not services:
        return ["Nothing of it will be reachable from outside the cluster."]
    return [
        f"Reachable from outside, at load balancers' addresses and node ports: {', '.join(services)}.",
        "Who calls them learns a server's name and the address that it was called from, nothing else; until "
        f"the run ends, or for {plan.lifetime} s if it is killed.",
    ]


def _uncertain(plan: Plan) -> list[str]:
    """Say what is left out where an earlier step finds no reason to go on."""
    _, rest = plan.steps()
    names = dict.fromkeys(step.scenario.id for step in rest)
    return [f"Only where a NetworkPolicy is seen to bite: the rest of {', '.join(names)}."] if names else []


def print_plan(
    config: pytest.Config,
    plan: Plan,
    declared: list[Declared],
    why_not: dict[str, str],
    shown: Callable[[str], str],
) -> None:
    """Print what a run would judge, create and ask, and what it needs the permission for."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    rows = [
        [
            each.behaviour.id,
            each.level,
            each.behaviour.tier,
            shown(why_not.get(each.behaviour.id, "will be judged")),
        ]
        for each in declared
    ]
    lines = [tabulate(rows, ["behaviour", "level", "tier", "in this run"], disable_numparse=True), ""]
    if plan.creates_nothing:
        lines.append(shown(f"Creates nothing: {plan.creates_nothing}."))
    else:
        once = [f"{each['kind']} {name_of(each)}" for each in plan.objects() if each["kind"] != "Pod"]
        roles = Counter(pod.role for pod in plan.pods)
        lines += [
            f"Creates {_where(plan)}{', '.join(once) or 'no Services'} and {len(plan.pods)} pods:",
            *(f"  {count} × {role}" for role, count in roles.items()),
            *_besides(plan),
            f"Probes {len(plan.site.pairs)} pairs of nodes in both families.",
            *_reachable(plan),
            *_permissions(plan),
            *_uncertain(plan),
        ]
    lines += [shown(f"Left out: {node}: {why.reason}") for node, why in plan.site.left_out.items()]
    cost = tabulate([[what, number] for what, number in plan.cost().items()], ["cost", "number"])
    if reporter is not None:
        reporter.write_line("\n".join([*lines, "", cost]))
