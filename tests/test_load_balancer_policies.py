"""Load balancers that are choosy: whom they let in, and which nodes they go to."""

from dualstack.probes.kinds.health import HEALTH
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.node_targets import HealthChecks
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenarios.load_balancers import DualLoadBalancer
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

NO_BACKEND = "HTTP status 503"
PROXIES = "https://kubernetes.io/docs/reference/networking/virtual-ips/"


class LocalLoadBalancer(Scenario):
    """What every node says of a load balancer that wants to know who has a backend."""

    id = "load-balancer-local"
    on_every_node = (CLIENT, SERVER)
    manifests = ("load-balancer-local",)
    here = Probe(HEALTH, to=HealthChecks("load-balancer-local", beside_backend=True))
    elsewhere = Probe(
        HEALTH,
        to=HealthChecks("load-balancer-local", beside_backend=False),
        until_silent=True,
        bound="silence",
    )


@behaviour(
    Behaviour(
        id="lb-source-ranges",
        both_families=True,
        traffic="answers to strangers at load balancers",
        level=Level.SHOULD,
        tier=Tier.OUTSIDE,
        since="1.20",
        promise="load_balancer",
        claim="A load balancer with source ranges of both families lets in nobody else, in either.",
        source=PROXIES,
        remedy="Find out who honours spec.loadBalancerSourceRanges, kube-proxy or the balancer itself, and "
        "for which families: until then the Service is open in the named one.",
    ),
    needs=(DualLoadBalancer,),
)
def test_lb_source_ranges(board: Board, judge: Judge) -> None:
    control, shut = (
        board.wait(DualLoadBalancer.open).observations,
        board.wait(DualLoadBalancer.shut).observations,
    )
    if refused := board.wait(DualLoadBalancer.closed).refused:
        raise CannotJudge(refused)
    if not shut:
        raise CannotJudge("it has no external address (see lb-dual)")
    for path in judge.paths(shut, "external addresses", control=control):
        judge.path(
            path,
            path.silent,
            cause=f"{path.address} answers the runner, which is in none of its source ranges",
            address=path.address,
            answered=f"{path.answered} of {path.requests}",
            silent_after_seconds=path.seconds,
        )


@behaviour(
    Behaviour(
        id="lb-local",
        traffic="TCP at health check ports",
        both_families=True,
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        since="1.24",
        claim="With externalTrafficPolicy Local, a node's health check port says 200 exactly where a backend "
        "of that family is on the node.",
        source=f"{PROXIES}#external-traffic-policy",
        remedy="Look at who answers the health check port on the named node: kube-proxy listens once for "
        "each family, and one of them may have the port of both.",
    ),
    needs=(LocalLoadBalancer,),
)
def test_lb_local(board: Board, judge: Judge) -> None:
    here = board.wait(LocalLoadBalancer.here).observations
    if not here:
        raise CannotJudge("its one backend does not run")
    for path in judge.paths(here, "nodes with a backend"):
        judge.path(
            path,
            path.reached and not path.flaw,
            cause=path.flaw or f"it has a backend, and its health check says {path.error}",
            subject=path.target,
            address=path.address,
            port=path.port,
            counted=path.counted,
        )
    elsewhere = board.wait(LocalLoadBalancer.elsewhere).observations
    for path in judge.paths(elsewhere, "other nodes") if elsewhere else ():
        judge.path(
            path,
            path.silent and path.error == NO_BACKEND,
            cause="it has no backend, and its health check says "
            f"{path.error if path.silent else 'HTTP status 200'}",
            subject=path.target,
            address=path.address,
            port=path.port,
        )
