"""Made-up reports for the views' tests: healthy, damaged, interrupted, without a cluster, hostile."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

from bench.scale import node_facts
from dualstack.family import FAMILIES, Family
from dualstack.report.conclude import by_family, outcome, reason, verdict_of
from dualstack.report.model import (
    BehaviourResult,
    Cluster,
    Convergence,
    ObjectName,
    ProfileFacts,
    Report,
    Run,
)
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

START = datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC)
NODES = ("node0", "node1", "node2")
HOSTILE = "<script>alert(1)</script>|\x1b[31m\u202egnp.exe\x00\n" + "x" * 253


def behaviour(
    id_: str, judge: Judge, *, level: Level = Level.MUST, limit: bool = False, topic: str = "nodes"
) -> BehaviourResult:
    return BehaviourResult(
        id=id_,
        level=level,
        tier=Tier.READ,
        support="outside" if limit else "inside",
        topic=topic,
        claim=f"The claim of {id_}.",
        source="https://kubernetes.io/docs/",
        remedy=f"The remedy of {id_}.",
        verdict=verdict_of(judge.findings),
        families=by_family(judge.findings),
        reason=reason(judge.findings),
        findings=judge.findings,
        seconds=1.25,
    )


def addresses(bad: Collection[tuple[str, Family]] = (), nodes: Sequence[str] = NODES) -> BehaviourResult:
    judge = Judge()
    for node, family in product(nodes, FAMILIES):
        holds = (node, family) not in bad
        judge(node, holds, family=family, cause=f"no {family} InternalIP", internal_ips=["10.0.0.1"])
    return behaviour("node-internal-ips", judge)


def paths(
    bad: Collection[tuple[str, str, Family]] = (), nodes: Sequence[str] = NODES, level: Level = Level.MUST
) -> BehaviourResult:
    judge = Judge()
    for source, target, family in product(nodes, nodes, FAMILIES):
        judge(
            f"{source} → {target}",
            (source, target, family) not in bad,
            family=family,
            source=source,
            target=target,
            cause="no answer: timed out",
            rounds=1,
        )
    return behaviour("tcp-pod-to-pod", judge, level=level, topic="pod-to-pod")


def unjudged() -> BehaviourResult:
    judge = Judge()
    judge.cannot("cluster", "forbidden: create pods/exec")
    return behaviour("pod-interface", judge, topic="pods")


def report(
    *behaviours: BehaviourResult,
    interrupted: str | None = None,
    partial: str | None = None,
    nodes: Sequence[str] = NODES,
    cluster: bool = True,
    strict: bool = False,
) -> Report:
    verdict, sentence = outcome(behaviours, partial=partial, interrupted=interrupted, strict_support=strict)
    return Report(
        run=Run(
            id="1123010203abcdef",
            start=START,
            end=START + timedelta(seconds=11),
            command=["pytest", "--kubeconfig=kc"],
            suite_version="0.1.0",
            interrupted=interrupted,
            partial=partial,
            seconds={"pods-running": 1.234},
        ),
        cluster=Cluster(
            context="c",
            server="https://[fd00::1]:6443",
            version="v1.36.3",
            uid="uid-1",
            nodes=node_facts(nodes),
            pod_ranges=[],
            service_ranges=["10.96.0.0/16", "fd00:96::/112"],
            proxy_mode="iptables",
        )
        if cluster
        else None,
        profile=ProfileFacts(name="kubernetes", title="t", source="built-in", digest="00"),
        verdict=verdict,
        sentence=sentence,
        behaviours=list(behaviours),
        convergence=[
            Convergence(service="service-ipv6", node=node, family=Family.V6, seconds=1.5, attempts=2)
            for node in nodes
        ],
        created=[ObjectName(kind="Namespace", name="dualstack-x")],
    )


def healthy() -> Report:
    return report(addresses(), paths())


def damaged() -> Report:
    return report(
        addresses(bad={("node2", Family.V6)}), paths(bad={("node0", "node2", Family.V6)}), unjudged()
    )


def interrupted() -> Report:
    return report(addresses(), interrupted="interrupted by Ctrl-C or SIGTERM")


def early() -> Report:
    return report(interrupted="an internal error of the suite", cluster=False)


def hostile() -> Report:
    judge = Judge()
    judge(HOSTILE, False, family=Family.V6, cause=f"cause {HOSTILE}", seen=HOSTILE)
    made = report(behaviour("node-internal-ips", judge), nodes=(HOSTILE,))
    return made.model_copy(update={"sentence": f"bad {HOSTILE}"})


ALL = {each.__name__: each for each in (healthy, damaged, interrupted, early, hostile)}
