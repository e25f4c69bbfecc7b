"""The suite on every network that the lab deploys, or on those that are named: `make networks`.

Writes docs/networks.md.
"""

import sys
from collections import Counter
from collections.abc import Mapping

from bench.kept import Kept, Table, table
from dualstack.places import ROOT
from dualstack.report.model import Report
from dualstack.verdict.words import Outcome, Verdict
from lab import variants
from lab.expect import Expect

DOCUMENT = ROOT / "docs/networks.md"
BASELINE = "default"
WORDS = {
    Verdict.BREAKS: "break",
    Verdict.NOT_JUDGED: "not judged",
    Verdict.CONFORMS: "conform",
    Verdict.NOT_APPLICABLE: "not applicable",
}
"""Verdicts in the order in which a cell counts them."""

HEAD = """\
<!-- Made by `make networks` on the lab's clusters; run that. -->

# Network plugins and policy engines

What the whole suite says of each network that the lab deploys: real network plugins and policy engines, built
from their Go modules, on three nodes (see [lab.md](lab.md)). `default`, a bridge with static routes and no
policy engine, is there for comparison. Seconds are those of the machine that this was made on: until the
cluster is up, with everything built, and of the run.
"""
TOPICS = """
## By topic

`conforms`: all that is promised there does. Otherwise the behaviours are counted by verdict. The topics below
are those in which networks differ.
"""
TAIL = """
## What is judged by facts, and not by a network's name

- Without a policy engine `network-policies` is not applicable: a deny-all changes nothing in either family.
- Policies are judged by TCP and UDP, never by ping: kube-network-policies lets all ICMPv6 pass by design.
- A node reaches its own pods under every policy, so nothing is asked from there.
- Where no node has a kube-proxy and nothing deploys one, `kube-proxy-mode` is not applicable: Cilium
  implements Services there, and they are judged as everywhere.
- flannel gives pods an MTU of 1450, and its IPv6 tunnel has 1430: full-size packets get through, because path
  MTU discovery works.

## Left out

- Calico, Antrea, ovn-kubernetes, kindnet: modules that they need cannot be fetched from the Go module proxy.
- Cilium's operator (the same): its resource definitions come from the agent's module.
- flannel's `tencentvpc` backend (the same) and `udp` (it needs cgo).
"""


def main() -> int:
    """Judge networks in turn; 1 if one is not as expected, or the document cannot be written yet."""
    options = {name: (f"--profile={_expect(name).profile}",) for name in clusters()}
    about = (__doc__ or "").partition("\n")[0]
    runs = Table("bench.networks", about, DOCUMENT, options, document).make()
    return 0 if runs and all(_as_expected(name, run.report) for name, run in runs.items()) else 1


def clusters() -> list[str]:
    """Return the variants with a network of their own, after the one that they are compared with."""
    plain = variants.load(BASELINE)
    loaded = {name: variants.load(name) for name in variants.names()}
    own = [name for name, each in loaded.items() if each.extras or each.pod_routes != plain.pod_routes]
    return [BASELINE, *own]


def document(runs: Mapping[str, Kept]) -> str:
    """Return docs/networks.md from the runs, by variant."""
    header = ["lab variant", "what it is", "profile", "up", "run", "verdict", "what is named"]
    rows = [_row(variant, run) for variant, run in runs.items()]
    topics = dict.fromkeys(each.topic for run in runs.values() for each in run.report.behaviours)
    cells = {topic: [cell(run.report, topic) for run in runs.values()] for topic in topics}
    differ = [[topic, *words] for topic, words in cells.items() if len(set(words)) > 1]
    columns = ["topic", *(f"`{variant}`" for variant in runs)]
    alike: dict[str, list[str]] = {}
    for topic, words in cells.items():
        if len(set(words)) == 1:
            alike.setdefault(words[0], []).append(topic)
    rest = "".join(f"\nThe same everywhere, {word}: {', '.join(found)}.\n" for word, found in alike.items())
    return "\n".join([HEAD, table(rows, header), TOPICS, table(differ, columns), rest, TAIL])


def cell(report: Report, topic: str) -> str:
    """Return what came of a topic: one word where all is well, else the behaviours by verdict."""
    counts = Counter(each.verdict for each in report.behaviours if each.topic == topic)
    if set(counts) == {Verdict.NOT_APPLICABLE}:
        return "not applicable"
    if set(counts) <= {Verdict.CONFORMS, Verdict.NOT_APPLICABLE}:
        return "conforms"
    return ", ".join(f"{counts[verdict]} {word}" for verdict, word in WORDS.items() if counts[verdict])


def _row(variant: str, run: Kept) -> list[str]:
    healthy = "nothing" if run.report.verdict is Outcome.CONFORMANT else run.report.sentence
    return [
        f"`{variant}`",
        variants.load(variant).title,
        run.report.profile.name,
        f"{run.up:.0f} s",
        f"{run.run:.0f} s",
        str(run.report.verdict),
        "; ".join(each.sentence for each in run.report.causes) or healthy,
    ]


def _expect(variant: str) -> Expect:
    return variants.expectation(variant) or Expect()


def _as_expected(variant: str, report: Report) -> bool:
    return _expect(variant).verdict in ("any", report.verdict)


if __name__ == "__main__":
    sys.exit(main())
