"""The control plane and its ways to the nodes: through the kubelets, and to pods themselves."""

from collections.abc import Iterable

from dualstack.scenario.board import Board
from dualstack.scenario.deletion import DeleteNamespace, DeletionSeen
from dualstack.scenario.manifests import SERVER
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.through_api import EXECUTE, FORWARD, LOGS, PROXY, ThroughApi
from dualstack.scenarios.aggregated import Aggregated
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Level, Tier


class ControlPlane(Scenario):
    """A server pod on every node, reached by way of the API server."""

    id = "control-plane"
    on_every_node = (SERVER,)
    reached = ThroughApi(after=TcpPodToPod.paths)


class NamespaceDeletion(Scenario):
    """A namespace beside that of the run, made to be deleted while everything else goes on."""

    id = "namespace-deletion"
    gone = DeleteNamespace()


@behaviour(
    Behaviour(
        id="api-exec-logs",
        traffic="logs, exec and port-forward",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Logs, exec and port-forward work for the pods of every node.",
        source="https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/"
        "#control-plane-to-node",
        remedy="Look at what the API server dials: the first address of --kubelet-preferred-address-types in "
        "the Node's status. Does the named node's kubelet listen there, in that family?",
    ),
    needs=(ControlPlane,),
)
def test_api_exec_logs(board: Board, judge: Judge) -> None:
    _judge(board, (LOGS, EXECUTE, FORWARD), judge)


@behaviour(
    Behaviour(
        id="api-to-pod",
        traffic="requests of the API server to pods",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="The API server reaches pods of every node by its proxy, as webhooks and aggregated APIs need.",
        source="https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/"
        "#api-server-to-nodes-pods-and-services",
        remedy="Give the API server a way to the pod ranges: routes on its machine, or a tunnel "
        "(konnectivity), and filters that let it in.",
    ),
    needs=(ControlPlane,),
)
def test_api_to_pod(board: Board, judge: Judge) -> None:
    _judge(board, (PROXY,), judge)


@behaviour(
    Behaviour(
        id="api-aggregated",
        level=Level.SHOULD,
        tier=Tier.READ,
        claim="Every API that the API server passes on to a Service is available.",
        source="https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/",
        remedy="Can the API server reach the Service's pods, in the family of its ClusterIP? See api-to-pod. "
        "As long as an API is lost, no namespace can go.",
    ),
    needs=(Aggregated,),
)
def test_api_aggregated(board: Board, judge: Judge) -> None:
    seen = board.wait(Aggregated.seen)
    if seen.trouble:
        raise CannotJudge(seen.trouble)
    if not seen.apis:
        raise NotApplicable("the API server answers for all APIs itself")
    for api in seen.apis:
        judge(
            f"API {api.name}",
            api.available,
            cause=api.message,
            service=f"service {api.namespace}/{api.service}",
        )


@behaviour(
    Behaviour(
        id="namespace-deletes",
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="A namespace that the run makes and deletes is gone in time (timeouts.namespace).",
        source="https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/",
        remedy="Mend what the API server names: a lost API (see api-aggregated) keeps every namespace from "
        "going, and so does a finalizer whose controller is gone. Do not take finalizers away by hand.",
    ),
    needs=(NamespaceDeletion,),
)
def test_namespace_deletes(board: Board, judge: Judge) -> None:
    seen = board.wait(NamespaceDeletion.gone)
    if seen.namespace is None:
        raise NotApplicable("the run works in a namespace that is given (--namespace), and makes none")
    judge(
        "a namespace of the run",
        seen.gone,
        cause=f"it is there {seen.seconds:.0f} s after it was deleted: {_what_keeps(seen)}",
        seconds=seen.seconds,
        conditions=seen.conditions,
        finalizers=list(seen.finalizers),
    )


def _what_keeps(seen: DeletionSeen) -> str:
    words = [f"{name}: {message}" for name, message in seen.conditions.items()]
    words += [f"the finalizer {each}" for each in seen.finalizers]
    return (
        "; ".join(words) or "nothing says why; does the namespace controller run (kube-controller-manager)?"
    )


def _judge(board: Board, ways: Iterable[str], judge: Judge) -> None:
    """Judge, for each node, the ways that we may go."""
    for node in judge.each(board.wait(ControlPlane.reached).nodes, "nodes"):
        known = {way: node.ways[way] for way in ways if way in node.ways and way not in node.refused}
        failing = {way: why for way, why in known.items() if why}
        if not known:
            why = node.trouble or "; ".join(str(node.ways[way]) for way in ways)
            judge.cannot(node.node, why, target=node.node)
            continue
        judge(
            node.node,
            not failing,
            target=node.node,
            cause=f"{', '.join(failing)}: {next(iter(failing.values()), None)}",
            ways={way: why or "works" for way, why in node.ways.items() if way in ways},
        )
