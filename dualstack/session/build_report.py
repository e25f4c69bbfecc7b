"""Put the report together from the survey, the board and the results."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

from dualstack import __version__
from dualstack.cluster.ownership import Name
from dualstack.diagnosis.diagnose import causes
from dualstack.family import FAMILIES
from dualstack.report.conclude import outcome
from dualstack.report.expected import expected
from dualstack.report.model import (
    PARITY_EDGES_MS,
    BehaviourResult,
    Cluster,
    Convergence,
    NodeFacts,
    ObjectName,
    Parity,
    ProfileFacts,
    Report,
    Run,
    WaiverUse,
)
from dualstack.scenario.board import Board
from dualstack.scenarios.cluster_ips import ServicePaths
from dualstack.scenarios.kube_proxies import KubeProxies
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.session.catalogue import TOPICS
from dualstack.survey.model import Survey
from dualstack.verdict.words import Outcome

if TYPE_CHECKING:
    from dualstack.session import run as session


def of_run(
    run: "session.Run",
    results: list[BehaviourResult],
    *,
    waivers: list[WaiverUse],
    interrupted: str | None,
    left_behind: Sequence[Name],
    ending: bool,
) -> Report:
    """Return the whole report of a run, verdict included."""
    profile = run.profile
    lacking = run.survey.lacking(profile.promises.families)
    verdict, sentence = outcome(
        results,
        partial=run.options.partial,
        interrupted=interrupted,
        strict_support=run.options.strict_support,
        not_dual=lacking,
        notes=run.notes,
    )
    return Report(
        run=Run(
            id=run.id,
            start=run.start,
            end=datetime.now(UTC),
            command=run.command,
            suite_version=__version__,
            partial=run.options.partial,
            interrupted=interrupted,
            seconds=run.seconds,
        ),
        cluster=_cluster(run.survey, run.board),
        profile=ProfileFacts(
            name=profile.name,
            title=profile.title,
            source=run.profile_source,
            because=run.because,
            digest=profile.digest,
        ),
        verdict=verdict,
        sentence=sentence,
        causes=[] if lacking else causes(results, TOPICS),
        behaviours=results,
        waivers=waivers,
        expected=expected(results, profile.expect.egress),
        convergence=_convergence(run.board),
        parity=_parity(run.board),
        created=[_object(name) for name in run.created],
        left_behind=[_object(name) for name in left_behind],
        still_ending=ending,
    )


def failed_start(*, run_id: str, start: datetime, command: list[str], profile: str, why: str) -> Report:
    """The report of a run that could not begin."""
    return Report(
        run=Run(
            id=run_id,
            start=start,
            end=datetime.now(UTC),
            command=command,
            suite_version=__version__,
            interrupted=why,
        ),
        cluster=None,
        profile=ProfileFacts(name=profile, title="", source="", digest=""),
        verdict=Outcome.INCOMPLETE,
        sentence=f"Incomplete: the run could not begin: {why}",
        behaviours=[],
    )


def _object(name: Name) -> ObjectName:
    return ObjectName(kind=name[0], namespace=name[1], name=name[2])


def _cluster(survey: Survey, board: Board) -> Cluster:
    proxies = board.peek(KubeProxies.seen)
    modes = {proxy.node: proxy.mode for proxy in proxies.nodes} if proxies else {}
    known = sorted({mode for mode in modes.values() if mode})
    return Cluster(
        context=survey.context,
        server=survey.server,
        version=survey.version,
        uid=survey.uid,
        nodes=[
            NodeFacts(
                name=node.name,
                ready=node.ready,
                kubelet=node.kubelet,
                os=node.os,
                internal_ips=list(node.internal_ips),
                pod_cidrs=list(node.pod_cidrs),
                proxy_mode=modes.get(node.name),
            )
            for node in survey.nodes
        ],
        pod_ranges=list(survey.pod_ranges),
        service_ranges=list(survey.service_ranges),
        proxy_mode=", ".join(known) or None,
    )


def _parity(board: Board) -> list[Parity]:
    """Return how fast connections came about in each family."""
    seen = board.peek(TcpPodToPod.paths)
    found = []
    for family in FAMILIES if seen else ():
        paths = [
            (each.connect_seconds * 1000, f"{each.source} → {each.target}", each)
            for each in (seen.observations if seen else ())
            if each.family is family and each.connect_seconds is not None
        ]
        if not paths:
            continue
        paths.sort(key=lambda path: path[:2])
        times = [ms for ms, _, _ in paths]
        found.append(
            Parity(
                family=family,
                paths=len(paths),
                median_ms=round(median(times), 2),
                p95_ms=round(times[min(len(times) - 1, len(times) * 95 // 100)], 2),
                worst_ms=round(times[-1], 2),
                worst_path=paths[-1][1],
                lost_syns=sum(each.lost_syns for _, _, each in paths),
                requests=sum(each.requests for _, _, each in paths),
                histogram=_histogram(times),
            )
        )
    return found


def _histogram(times: list[float]) -> list[int]:
    counts = Counter(bisect_left(PARITY_EDGES_MS, each) for each in times)
    return [counts[bucket] for bucket in range(len(PARITY_EDGES_MS) + 1)]


def _convergence(board: Board) -> list[Convergence]:
    paths = board.peek(ServicePaths.paths)
    return [
        Convergence(
            service=each.target,
            node=each.source,
            family=each.family,
            seconds=each.seconds,
            attempts=each.rounds,
        )
        for each in (paths.observations if paths else ())
        if each.seconds is not None
    ]
