"""The suite on every release that the lab deploys, or on those that are named: `make versions`.

Writes docs/versions.md. Times go to the terminal alone, so that the file changes only when a finding does.
"""

import sys
import textwrap
from collections import defaultdict

from bench.kept import Kept, Table, table
from dualstack.places import ROOT
from dualstack.report.model import Report
from dualstack.verdict.words import Outcome, Verdict

CLUSTERS = {
    "seed-iptables": "aks-engine",
    "kubernetes-1.23": "kubernetes",
    "kubernetes-1.28": "kubernetes",
    "kubernetes-1.30": "kubernetes",
    "kubernetes-1.33": "kubernetes",
    "default": "kubernetes",
    "kubernetes-1.37": "kubernetes",
}
"""The lab's variant for each release, the oldest first, and the profile that it is judged by."""
DOCUMENT = ROOT / "docs/versions.md"

HEAD = """\
<!-- Made by `make versions` on the lab's clusters; run that. -->

# Versions of Kubernetes

What the whole suite says of each release that the lab deploys: real clusters of three nodes, built from
source (see [lab.md](lab.md)), judged with `--strict-support`. `make test` judges the oldest and the newest.
"""
NOT_APPLICABLE = """
## Not applicable, and why

A behaviour that a release does not have yet, or no longer, is not applicable, with the release that brought
it or was its last.
"""
OTHERWISE = """
Whatever the release: profiles and `--expect` ask for some behaviours, and these clusters have neither a
policy engine nor aggregated APIs. Not applicable on one of them at least:
"""
TAIL = """
## What the suite does by the server's version

- Up to 1.19 a Service asks for its family by `ipFamily`, from 1.20 on by `ipFamilies` and `ipFamilyPolicy`;
  what comes back is judged by the fields of that time.
- From 1.21 on, probe pods ask for the sysctl that permits ping; an older kubelet refuses it.
- From 1.33 on, the Services' ranges are read from the ServiceCIDR object, before from the API server's flags,
  where those can be read.
- A profile that claims what the server's version cannot have is refused before anything is created.

## Left out

- 1.27 (1.27.16): its modules' checksums cannot be verified, and verification is never turned off.
- 1.32 (1.32.13): some of its modules could not be fetched when this was made. 1.30 stands for its era.
- Releases without a row have not been tried. Each era of dual stack has one: alpha up to 1.19, stable from
  1.23 on, with the ServiceCIDR object from 1.33 on.
"""


def main() -> int:
    """Judge releases in turn; 1 if one is not conformant, or the document cannot be written yet."""
    clusters = {name: (f"--profile={each}", "--strict-support") for name, each in CLUSTERS.items()}
    about = (__doc__ or "").partition("\n")[0]
    runs = Table("bench.versions", about, DOCUMENT, clusters, _document).make()
    return 0 if runs and all(each.report.verdict is Outcome.CONFORMANT for each in runs.values()) else 1


def _document(runs: dict[str, Kept]) -> str:
    return document({variant: run.report for variant, run in runs.items()})


def document(reports: dict[str, Report]) -> str:
    """docs/versions.md from the reports, by variant."""
    rows = [_row(variant, report) for variant, report in reports.items()]
    header = [
        "Kubernetes",
        "lab variant",
        "profile",
        "kube-proxy",
        "verdict",
        "conform",
        "not applicable",
        "else",
    ]
    of_releases: dict[tuple[str, str], list[str]] = defaultdict(list)
    otherwise: set[str] = set()
    for report in reports.values():
        for each in report.behaviours:
            if each.verdict is Verdict.NOT_APPLICABLE:
                why, of_release, _ = (each.reason or "").partition("; this server is")
                if of_release:
                    of_releases[each.id, why].append(_version(report))
                else:
                    otherwise.add(each.id)
    why_not = [[id_, why, ", ".join(versions)] for (id_, why), versions in sorted(of_releases.items())]
    lacking = table(why_not, ["behaviour", "why", "on"])
    return "\n".join([HEAD, table(rows, header), NOT_APPLICABLE, lacking, OTHERWISE, _lines(otherwise), TAIL])


def _lines(ids: set[str]) -> str:
    return textwrap.fill(f"{', '.join(sorted(ids)) or 'none'}.", 110, break_on_hyphens=False)


def _row(variant: str, report: Report) -> list[str]:
    by_verdict: dict[Verdict, list[str]] = defaultdict(list)
    for each in report.behaviours:
        by_verdict[each.verdict].append(each.id)
    counted = (Verdict.CONFORMS, Verdict.NOT_APPLICABLE)
    rest = [
        f"{verdict}: {', '.join(ids)}"
        for verdict, ids in sorted(by_verdict.items())
        if verdict not in counted
    ]
    return [
        _version(report),
        f"`{variant}`",
        report.profile.name,
        (report.cluster.proxy_mode if report.cluster else None) or "unknown",
        str(report.verdict),
        *(str(len(by_verdict[verdict])) for verdict in counted),
        "; ".join(rest) or "none",
    ]


def _version(report: Report) -> str:
    return report.cluster.version.removeprefix("v") if report.cluster else "unknown"


if __name__ == "__main__":
    sys.exit(main())
