"""Put the report together from the survey, the board and the results."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dualstack import __version__
from dualstack.cluster.ownership import Name
from dualstack.diagnosis.diagnose import causes
from dualstack.report.conclude import outcome
from dualstack.report.model import (
    BehaviourResult,
    Cluster,
    Convergence,
    NodeFacts,
    ObjectName,
    ProfileFacts,
    Report,
    Run,
    WaiverUse,
)
from dualstack.scenario.board import Board
from dualstack.scenarios.cluster_ips import ServicePaths
from dualstack.scenarios.kube_proxies import KubeProxies
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
    verdict, sentence = outcome(
        results,
        partial=run.options.partial,
        interrupted=interrupted,
        strict_support=run.options.strict_support,
        not_dual=run.survey.not_dual,
        notes=run.notes,
    )
    profile = run.profile
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
            name=profile.name, title=profile.title, source=run.profile_source, digest=profile.digest
        ),
        verdict=verdict,
        sentence=sentence,
        causes=[] if run.survey.not_dual else causes(results, TOPICS),
        behaviours=results,
        waivers=waivers,
        convergence=_convergence(run.board),
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
