"""Make the documents that follow from declarations: `python docs/generate.py`, or `--check` in CI."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from tabulate import tabulate

from dualstack.cluster.permissions import Permission
from dualstack.places import PROFILES, ROOT
from dualstack.play.plan import make_plan, make_site
from dualstack.profile.expect import Expect
from dualstack.profile.model import Limits, Profile, Promises, Timeouts, load
from dualstack.profile.signs import Signs
from dualstack.report import schema as report_schema
from dualstack.scenario.manifests import load as load_all
from dualstack.scenario.manifests import name_of
from dualstack.scenario.scenario import Scenario
from dualstack.session import catalogue
from dualstack.survey.model import Node, Survey
from dualstack.survey.take import READS
from lab import faults, variants
from lab.__main__ import explain

ANY_NODE = Node(name="any", ready=True, kubelet="", os="linux", internal_ips=("192.0.2.1", "2001:db8::1"))
GENERATED = "<!-- Made by `make docs` from the declarations; edit those. -->\n"


def behaviours() -> str:
    """docs/behaviours.md."""
    parts = [GENERATED, "# Behaviours\n", "What the suite judges, by the file in tests/ that judges it.\n"]
    needs = catalogue.needs()
    for topic, declared in catalogue.behaviours().items():
        parts.append(f"## {topic}\n")
        for each in declared:
            about = [
                f"level {each.level}",
                f"needs: {each.tier}",
                *([f"Kubernetes {each.since} and later"] if each.since != "1.16" else []),
                *([f"until Kubernetes {each.until}"] if each.until else []),
                *(["documented limit of support"] if each.limit else []),
            ]
            parts.append(
                f"### {each.id}\n\n{each.claim}\n\n*{'; '.join(about)}; [source]({each.source})*\n\n"
                f"{_judged_from(needs[each.id])}If it breaks: {each.remedy}\n"
            )
    return "\n".join(parts)


def _judged_from(scenarios: tuple[type[Scenario], ...]) -> str:
    """Return how it is judged: the scenarios with their steps, and what these create."""
    if not scenarios:
        return ""
    steps = [f"`{each.id}` ({', '.join(step.name for step in each.steps)})" for each in scenarios]
    pods = dict.fromkeys(role for each in scenarios for role in each.on_every_node)
    once = dict.fromkeys(
        f"{body['kind']} {name_of(body)}"
        for each in scenarios
        for name in each.manifests
        for body in load_all(name)
    )
    created = [*(f"a {role} pod on every node" for role in pods), *once]
    return f"Judged from {', '.join(steps)}; creates {', '.join(created)}.\n\n"


def profiles() -> str:
    """docs/profiles.md."""
    rows = [
        *_keys(Profile, ""), *_keys(Promises, "promises."), *_keys(Limits, "limits."),
        *_keys(Signs, "signs."), *_keys(Timeouts, "timeouts."),
    ]  # fmt: skip
    expected = [[row[0].replace("expect.", ""), row[2]] for row in _keys(Expect, "expect.")]
    built_in = [[f"`{path.stem}`", load(path.stem)[0].title] for path in sorted(PROFILES.glob("*.yaml"))]
    table = tabulate(rows, ["key", "default", "meaning"], "github", disable_numparse=True)
    return "\n".join(
        [
            GENERATED,
            "# Profiles\n",
            "A profile says what a kind of cluster promises. `--profile` takes the name of a built-in one or "
            "a YAML file of yours, which may build on another with `extends: NAME|FILE`.\n",
            tabulate(built_in, ["built-in", "for"], "github", disable_numparse=True),
            "\nA file of your own needs only what differs:\n",
            "```yaml\nname: our-site\ntitle: Our clusters\nextends: kubernetes\npromises:\n"
            "  node-masks: {IPv4: 25, IPv6: 80}\n  load-balancer: none\nlevels:\n"
            "  ping-pod-to-pod: MUST\n```\n",
            "YAML 1.2 is read, so IPv6 addresses stay strings. An unknown key or a wrong type is "
            "one line that names the file and the key. So is a claim that the server's version cannot have "
            "(a proxy mode, or a MUST for a behaviour, that came with a later release): such a run does not "
            "begin, and nothing is created. A cluster that is older than the profile's `minimum-version` is "
            "not refused but judged: node-ready breaks.\n",
            AUTO,
            table,
            "",
            EXPECT,
            tabulate(expected, ["key", "meaning"], "github", disable_numparse=True),
            "",
        ]
    )


def timeouts() -> str:
    """docs/timeouts.md."""
    rows = [[row[0].replace("timeouts.", ""), *row[1:]] for row in _keys(Timeouts, "timeouts.")]
    own = [
        [f"`{path.stem}`", ", ".join(f"{key} {value:g}" for key, value in changed.items())]
        for path in sorted(PROFILES.glob("*.yaml"))
        if (changed := _changed(load(path.stem)[0].timeouts))
    ]
    return "\n".join(
        [
            GENERATED,
            "# Time-outs\n",
            "How long the suite waits for what, in seconds. A bound is a promise, too: what comes later is a "
            "finding. A check gives up earlier only with a reason, and says it: the pod failed, the object "
            "was refused, no controller left a trace, others had theirs long ago.\n",
            tabulate(rows, ["key", "default", "meaning"], "github", disable_numparse=True),
            "\nProfiles that differ:\n",
            tabulate(own, ["profile", "seconds"], "github", disable_numparse=True),
            "\nA site's own go into a file, for `--timeouts FILE`; what it does not name stays as the "
            "profile has it:\n",
            "```yaml\nload-balancer: 1200  # ours takes a quarter of an hour\npods: 600\n```\n",
            "On a terminal a wait of more than five seconds is shown with its end (`waiting for external "
            "addresses of load balancers, until 14:03:10 at most (212 s more)`); in a job's log the same is "
            "said every half minute.\n",
            "Bounds that are no promise of a cluster stand in the code: a connection has 2 s and a request 10"
            " s, an exec 60 s, a call to the API server 30 s while it is away.\n",
        ]
    )


def _changed(bounds: Timeouts) -> dict[str, float]:
    default = Timeouts().model_dump(by_alias=True)
    return {key: value for key, value in bounds.model_dump(by_alias=True).items() if value != default[key]}


def _keys(model: type[BaseModel], prefix: str) -> Iterator[list[str]]:
    for field in model.model_fields.values():
        if not isinstance(field.default, BaseModel):
            yield [f"`{prefix}{field.alias}`", _default(field), " ".join((field.description or "").split())]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    shown = {None: "none", True: "`true`", False: "`false`"}
    return shown[value] if value is None or isinstance(value, bool) else f"`{value}`"


AUTO = """\
`--profile auto` takes the built-in profile whose `signs` the cluster shows, by what the survey reads in any
case: providerIDs, kubelet versions, labels, network DaemonSets, kube-proxy's ConfigMap. It says which and why
at the start and in the report. Where none or several fit, it ends with exit status 4 and one line: what was
seen, and what to choose from. A profile that was named, or the default one, is kept in any case; one line at
the start says so where the survey speaks for another. The reason and the source of each deviation stand in
the profiles' files, in `profiles/`.
"""
EXPECT = """\
## What this one cluster has promised

A profile speaks of a kind of cluster. What a site has planned for one of them goes into a file of its own,
for `--expect FILE`:

```yaml
pods: [10.244.0.0/16, fd00:244::/48]
services: [10.96.0.0/16, fd00:96::/112]
primary-family: IPv4
nodes:
  - {labels: {agentpool: blue}, count: 3}
load-balancer-pools: [192.0.2.10-192.0.2.20, 2001:db8:1::/112]
egress: ["192.0.2.1:443", "[2001:db8::1]:443"]
```

What it names is judged (`site-ranges`, `site-wire`, `site-primary-family`, `site-nodes`,
`site-load-balancers`, `egress`), what it does not name is not applicable. The report lays three columns side
by side: what the site intends, what the API shows, and what was on the wire. Where podCIDRs are not what
pods live in, the pods' own addresses are what counts. A file that contradicts the profile, such as an IPv4
range for a kind of cluster that promises IPv6 only, is one line, and nothing is created. The same keys may
stand under `expect` in a profile of yours; the file is laid on it.
"""
ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: dualstack-conformance
rules:
"""
RBAC_HEAD = """\
# Made by `make docs` from what the survey and all scenarios need; edit those.
# The least that the suite needs. Bind it to the user or service account that runs it.
# Without the writing rules it judges what the API shows (`--read-only`) and says what it could not judge.
"""
ROLE_IN_A_NAMESPACE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: dualstack-conformance
  namespace: dualstack # yours
rules:
"""
READER = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: dualstack-conformance-reader
rules:
"""
RBAC_HEAD_NAMESPACE = """\
# Made by `make docs` from what the survey and all scenarios need; edit those.
# For `--namespace NAME`: a Role in a namespace that the site makes, and a ClusterRole that reads. Without
# reading nodes no pod can be placed, and what the suite says of nodes and paths is not judged.
"""
ACCESS = ROOT / "docs/recipes/kubernetes/access.yaml"


def role() -> str:
    """Return the ClusterRole: the sum of what the survey reads and of what every scenario needs."""
    return ROLE + _rules([*READS, *_permissions(None)])


def role_in_a_namespace() -> str:
    """Return the Role for a namespace that the site makes, and what reading takes beside it."""
    needed = _permissions("dualstack")
    inside = [each for each in needed if each.namespace]
    beside = [*READS, *(each for each in needed if not each.namespace)]
    return RBAC_HEAD_NAMESPACE + ROLE_IN_A_NAMESPACE + _rules(inside) + "---\n" + READER + _rules(beside)


def _permissions(namespace: str | None) -> list[Permission]:
    survey = Survey(context=None, server="", version="v1.99.0", nodes=(ANY_NODE,))
    given = namespace is not None
    site = make_site(survey, load("aks-engine")[0], image=None, peers=None, namespace_given=given)
    return make_plan(survey, site, catalogue.scenarios(), idle=None, namespace=namespace).permissions()


def _rules(permissions: Iterable[Permission]) -> str:
    verbs: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for each in permissions:
        verbs.setdefault((each.group, each.what, each.names), set()).add(each.verb)
    lines, quoted_nothing = [], '""'
    for (group, what, names), words in sorted(verbs.items()):
        lines += [f"  - apiGroups: [{group or quoted_nothing}]", f"    resources: [{what}]"]
        lines += [f"    resourceNames: [{', '.join(names)}]"] if names else []
        lines += [f"    verbs: [{', '.join(sorted(words))}]"]
    return "\n".join([*lines, ""])


def access() -> str:
    """Return the recipe for a service account, with that role in it."""
    documents = ACCESS.read_text().split("---\n")
    made = "# The same rules as in docs/rbac.yaml; made by `make docs`.\n" + role()
    return "---\n".join(made if "\nrules:\n" in each else each for each in documents)


def damage() -> str:
    """docs/faults.md."""
    parts = [
        GENERATED,
        "# Variants and faults\n",
        "What the lab deploys differently and what it breaks, and what the suite must find there "
        "(`expect:` in `lab/variants/` and `lab/faults/`; `python -m lab explain NAME`). `make test` judges "
        "these on real clusters, `make faults` each of them alone.\n",
    ]
    for heading, kind, names in (
        ("Variants", "variant", variants.names()),
        ("Faults", "fault", faults.names()),
    ):
        parts.append(f"## {heading}\n")
        for name in names:
            title, *rest = explain(name)
            about = [line for line in rest if line]
            text = title.removeprefix(f"{kind} {name}: ")
            parts.append(f"### {name}\n\n{text[0].upper()}{text[1:]}.\n")
            parts.append("\n".join(f"- {line}" for line in about) + "\n")
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the documents, or with --check say which are stale."""
    made = {
        ROOT / "docs/behaviours.md": behaviours(),
        ROOT / "docs/profiles.md": profiles(),
        ROOT / "docs/timeouts.md": timeouts(),
        ROOT / "docs/faults.md": damage(),
        ROOT / "docs/rbac.yaml": RBAC_HEAD + role(),
        ROOT / "docs/rbac-namespace.yaml": role_in_a_namespace(),
        ACCESS: access(),
        ROOT / "docs/report.schema.json": report_schema.schema(),
    }
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run `make docs`")
        return 1 if stale else 0
    for path, text in made.items():
        Path(path).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
