"""docs/compared.md, from the results."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from bench.upstream import cases
from bench.upstream.cases import HEALTHY
from bench.upstream.result import Result, Spec, State
from dualstack.places import ROOT

FILE = ROOT / "docs/compared.md"
NOTHING = "—"
MARKS = {State.PASSED: "", State.FAILED: "**failed** ", State.UNFINISHED: "**unfinished** "}

HEAD = """\
<!-- Made by `make bench-upstream` on the lab's clusters; run that. -->

# Next to Kubernetes' own specs

Kubernetes tests itself with 22 end-to-end specs labelled `[Feature:IPv6DualStack]`, SCTP left out. This
suite and those specs judge the same clusters here, one after the other while the same damage is in place.
The clusters are the lab's ([lab.md](lab.md)): one healthy, the others broken on purpose in one promise of
dual stack each ([faults.md](faults.md)).

## What each finds
"""
FOUND = """
**Specs** counts those that failed or had not finished when their time was up, of those that ran. A spec has
found the damage if it did either, whatever its message. **Suite** counts findings that break; it has found
the damage if all that must break by the fault's `expect:` does. A finding that breaks and is in no
`expect:` is a false alarm. What a spec's failure is about cannot be told that way, so its false alarms are
counted on the healthy cluster only. Seconds are from the command to its end.
"""
SAID = """
## What the suite says

The first cause that it names.
"""
SPECS = """
## Spec by spec

Seconds of each spec.
"""
METHOD = """
## How it is measured

- The suite goes first, then the specs; both run outside the cluster's nodes, as a user's do.
- The specs are built from the module `k8s.io/kubernetes` of the clusters' release, with the runner that its
  go.mod pins (`lab/modules/e2e-1.36`), and run with `--provider=skeleton`.
- With more than one process, the runner spreads the specs over them as upstream's own pipelines do. In
  series is what `PROCS=1` measures. `--num-nodes` tells every process how many nodes there are.
- No flag bounds a single spec. One sleeps for ten hours after a failure (`service endpoints using
  hostNetwork`, UDP), and failing to reach a backend takes 39 tries of up to seven seconds. So the whole run
  has a bound, and a spec that is still busy then is unfinished. The row of the healthy cluster says whether
  the bound is long enough.
- `--system-pods-startup-timeout`, `--node-schedulable-timeout` and `--system-daemonsets-startup-timeout`
  are a minute each instead of upstream's five to thirty: a damaged cluster would be waited for that long
  before the first spec.
- Both large-request specs ignore the result of their requests (release 1.36), so they pass whatever is lost.
- Damage that knows this suite's own objects is left out, since the specs could not meet it.
"""
RERUN = """
`make bench-upstream` measures what has no result yet; `CASES="one-way half-reset"` measures these again,
`SPECS=REGEX` runs some of the specs, `PROCS=N` sets the processes and `BOUND=SECONDS` the bound. Results
are kept in the lab's cache (`compared/`), and this document is made from them.
"""


def text(results: Sequence[Result]) -> str:
    """Return the document."""
    ordered = sorted(results, key=_order)
    damaged = [each for each in ordered if each.case != HEALTHY]
    parts = [
        HEAD,
        _table([_found(each) for each in ordered], FOUND_HEADER),
        FOUND,
        *_sums(ordered, damaged),
        SAID,
        _table([_said(each) for each in damaged], ["cluster", "cause", "further causes"]),
        SPECS,
        _spec_table(ordered),
        METHOD,
        "## When, and what was not run\n",
        _table([_when(each) for each in ordered], WHEN_HEADER),
        "",
        *_not_run(ordered),
        RERUN,
    ]
    return "\n".join(parts)


FOUND_HEADER = ["cluster", "what is broken", "specs", "found", "s", "suite", "found", "false alarms", "s"]
WHEN_HEADER = ["cluster", "measured (UTC)", "Kubernetes", "processes", "bound, s", "load before, cores"]


def _order(result: Result) -> tuple[int, str, int]:
    known = (HEALTHY, *cases.DAMAGED)
    place = known.index(result.case) if result.case in known else len(known)
    return place, result.case, result.upstream.procs


def _name(result: Result) -> str:
    return f"{result.case}, in series" if result.upstream.procs == 1 else result.case


def _found(result: Result) -> list[str]:
    upstream, suite = result.upstream, result.suite
    ran = len(upstream.specs) - len(upstream.among(State.NOT_RUN))
    healthy = result.case == HEALTHY
    return [
        _name(result),
        cases.load(result.case).title,
        f"{len(upstream.noticed)} of {ran}",
        NOTHING if healthy else _yes(bool(upstream.noticed)),
        f"{upstream.seconds:.0f}",
        str(len(suite.broken)),
        NOTHING if healthy else _yes(not suite.missed),
        str(len(suite.false_alarms)),
        f"{suite.seconds:.0f}",
    ]


def _yes(found: bool) -> str:
    return "yes" if found else "**no**"


def _sums(ordered: Sequence[Result], damaged: Sequence[Result]) -> list[str]:
    """Return sentences over all rows."""
    lines = []
    if damaged:
        by_specs = sum(bool(each.upstream.noticed) for each in damaged)
        by_suite = sum(not each.suite.missed for each in damaged)
        of = f"of {len(damaged)} damaged clusters"
        lines.append(f"The specs found {by_specs} {of}, the suite {by_suite}.")
    for each in (each for each in ordered if each.case == HEALTHY):
        upstream, suite = each.upstream, each.suite
        how = "in series" if upstream.procs == 1 else f"in {upstream.procs} processes"
        ran = len(upstream.specs) - len(upstream.among(State.NOT_RUN))
        lines.append(
            f"On the healthy cluster {ran} of {len(upstream.specs)} specs ran {how}, "
            f"in {upstream.seconds:.0f} s, with {len(upstream.noticed)} false alarms;\n"
            f"the suite's {suite.behaviours} behaviours took {suite.seconds:.0f} s, "
            f"with {len(suite.false_alarms)}."
        )
        if ran == len(upstream.specs):
            lines.append(f"That is {upstream.seconds / suite.seconds:.0f} times faster.")
    return ["\n".join(lines)]


def _said(result: Result) -> list[str]:
    first, *rest = result.suite.causes or (NOTHING,)
    return [_name(result), first, str(len(rest))]


def _spec_table(ordered: Sequence[Result]) -> str:
    names = sorted({spec.name for each in ordered for spec in each.upstream.specs})
    by_result = [{spec.name: spec for spec in each.upstream.specs} for each in ordered]
    rows = [[name, *(_seconds(specs.get(name)) for specs in by_result)] for name in names]
    return _table(rows, ["spec", *(_name(each) for each in ordered)])


def _seconds(spec: Spec | None) -> str:
    if spec is None or spec.state is State.NOT_RUN:
        return NOTHING
    return f"{MARKS[spec.state]}{spec.seconds:.0f}"


def _when(result: Result) -> list[str]:
    return [
        _name(result),
        f"{result.measured:%Y-%m-%d %H:%M}",
        result.kubernetes,
        str(result.upstream.procs),
        str(result.upstream.bound),
        f"{result.load:.1f}, {result.cores}",
    ]


def _not_run(ordered: Sequence[Result]) -> Iterable[str]:
    """Yield a line for each thing that this document should have and has not."""
    every = {spec.name for each in ordered for spec in each.upstream.specs}
    measured = {each.case for each in ordered}
    if missing := [name for name in (HEALTHY, *cases.DAMAGED) if name not in measured]:
        yield f"- Not measured: {', '.join(missing)}."
    if not any(each.case == HEALTHY and each.upstream.procs == 1 for each in ordered):
        yield "- Not measured: the healthy cluster with the specs in series."
    for each in ordered:
        specs = {spec.name: spec for spec in each.upstream.specs if spec.state is State.NOT_RUN}
        left_out = sorted(every - {spec.name for spec in each.upstream.specs} | set(specs))
        reasons = sorted({spec.message for spec in specs.values() if spec.message})
        why = f" (upstream's reason: {'; '.join(reasons)})" if reasons else ""
        if left_out:
            yield f"- Not run on {_name(each)}{why}: {', '.join(left_out)}."


def _table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    return tabulate(rows, header, "github", disable_numparse=True)
