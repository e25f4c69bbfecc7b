"""kube-proxy: its mode and its families, reported by every node's own."""

from collections import Counter

from dualstack.family import FAMILIES
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenarios.kube_proxies import KubeProxies
from dualstack.survey.model import Survey
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge, NotApplicable
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="kube-proxy-mode",
        traffic="all",
        every_node=True,
        level=Level.MUST,
        tier=Tier.HOST,
        promise="proxy_modes",
        claim="kube-proxy works in one mode on all nodes, one that the profile allows, and in both families "
        "where it says in which.",
        source="https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-modes",
        remedy="Compare kube-proxy's configuration and log on the named node: a missing kernel module or "
        "ip6tables makes it fall back to another mode or to a single family.",
    ),
    needs=(KubeProxies,),
)
def test_kube_proxy_mode(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    proxies = board.wait(KubeProxies.seen).nodes
    if proxies and all(proxy.refused for proxy in proxies) and _nobody_deploys_it(survey):
        raise NotApplicable(
            "no node has a kube-proxy, and no DaemonSet or ConfigMap of that name is there: something else "
            "implements Services (see cluster-ip-tcp)"
        )
    usual = Counter(proxy.mode for proxy in proxies if proxy.mode).most_common(1)
    for proxy in judge.each(proxies, "nodes"):
        if proxy.mode is None:
            judge.cannot(proxy.node, str(proxy.trouble))
            continue
        allowed: list[str] = list(profile.promises.proxy_modes)
        strange = proxy.mode not in allowed
        judge(
            proxy.node,
            not strange and proxy.mode == usual[0][0],
            cause=f"mode {proxy.mode} is not one of {', '.join(allowed)}"
            if strange
            else f"mode {proxy.mode}, while most nodes are in mode {usual[0][0]}",
            mode=proxy.mode,
            answered_at=proxy.answered_at,
            configured=survey.proxy_mode_configured,
        )
        for family in FAMILIES if proxy.families else ():
            judge(
                proxy.node,
                family in (proxy.families or ()),
                family=family,
                cause=f"kube-proxy runs single-stack here, without {family}",
                families=list(proxy.families or ()),
            )


def _nobody_deploys_it(survey: Survey) -> bool:
    unread = {"daemonsets", "proxy-config"} & set(survey.missing)
    return not unread and not survey.proxy_daemonsets and survey.proxy_mode_configured is None
