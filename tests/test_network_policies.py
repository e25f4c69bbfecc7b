"""NetworkPolicies: a deny, an allow, an address block and an egress rule hold in both families alike.

Judged on pods of the run's own, by TCP and UDP: engines let ICMPv6 pass by design, and a node reaches its own
pods under any policy. A deny that bites in neither family means that nothing enforces policies here; one that
bites in one family alone is the defect that this topic is about.
"""

from collections.abc import Iterable

from dualstack.family import FAMILIES, Family
from dualstack.probes.kinds.connect import CONNECT
from dualstack.probes.observation import Observation
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenarios.egress import EgressPaths
from dualstack.scenarios.network_policies import (
    OUTSIDE,
    SERVED,
    SERVICES,
    Egress,
    EgressBlocks,
    Ingress,
    IpBlocks,
)
from dualstack.scenarios.tcp_pod_to_pod import Direct, TcpPodToPod
from dualstack.survey.model import Survey
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Level, Tier

SOURCE = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
PLACES = dict.fromkeys((*SERVICES, *SERVED, *OUTSIDE), "a Service")
"""Targets that are named apart in each family, and are one place."""
Paths = Iterable[Observation]


class Families:
    """In which families the paths from a source to a place did what they should."""

    def __init__(self, good: Paths) -> None:
        good = list(good)
        self._good = {(each.kind, each.source, each.target, each.family) for each in good}
        self._places = {(*_place(each), each.family) for each in good}

    def other(self, path: Observation) -> Family | None:
        """Return the other family if it did so from the same source to the same place."""
        (family,) = (each for each in FAMILIES if each is not path.family)
        return family if (*_place(path), family) in self._places else None

    def has(self, path: Observation) -> bool:
        """Return whether the path did so."""
        return (path.kind, path.source, path.target, path.family) in self._good


@behaviour(
    Behaviour(
        id="policy-deny",
        level=Level.MUST,
        tier=Tier.PODS,
        promise="network_policy",
        every_node=True,
        every_pair=True,
        claim="A NetworkPolicy that lets nobody in keeps pods of every node out, in both families, at the "
        "pods' own addresses and at their Services', by TCP and by UDP.",
        source=f"{SOURCE}#default-deny-all-ingress-traffic",
        remedy="Look at the policy engine's log and rules of the open family on the target's node (ip6tables-"
        "save, nft list ruleset): is the engine told to handle both families, and does it run there?",
    ),
    needs=(Ingress,),
)
def test_policy_deny(board: Board, profile: Profile, judge: Judge) -> None:
    _check_engine(board, profile)
    control = board.wait(Ingress.open).observations
    beside = Families(each for each in board.wait(Ingress.beside).observations if each.reached)
    _judge_denied(board.wait(Ingress.denied).observations, control, beside, judge)


@behaviour(
    Behaviour(
        id="policy-allow",
        level=Level.MUST,
        tier=Tier.PODS,
        promise="network_policy",
        every_node=True,
        every_pair=True,
        claim="A NetworkPolicy that lets pods in by their labels does so in both families, lastingly, and "
        "lets no others in.",
        source=f"{SOURCE}#the-networkpolicy-resource",
        remedy="Look at the policy engine's log of the named node for rules of the broken family that were "
        "refused, and whether its deny leaves ICMPv6 types 133 to 136 (neighbour discovery) alone.",
    ),
    needs=(Ingress,),
)
def test_policy_allow(board: Board, profile: Profile, judge: Judge) -> None:
    _check_engine(board, profile)
    denied = board.wait(Ingress.denied).observations
    control = board.wait(Ingress.open).observations
    _judge_allowed(board.wait(Ingress.allowed).observations, denied, control, judge)
    silent = [each for each in denied if each.silent]
    was_denied = Families(silent)
    for path in judge.paths(board.wait(Ingress.others).observations, "pairs of nodes"):
        if was_denied.has(path):
            cause = f"{_by(path)} also lets a pod in that the allow does not select"
            _judge_path(path, path.silent, judge, cause=cause, phase="others")
    _judge_later(board.wait(Ingress.later).observations, board.wait(Ingress.allowed).observations, judge)


@behaviour(
    Behaviour(
        id="policy-ipblock",
        traffic="TCP from an address that a policy lets in",
        level=Level.MUST,
        tier=Tier.OUTSIDE,
        promise="network_policy",
        claim="An ipBlock lets an address outside the cluster in, in its own family alone; the other family "
        "stays denied until an ipBlock of it is there.",
        source=f"{SOURCE}#behavior-of-to-and-from-selectors",
        remedy="Look at the policy engine's rules of the broken family on the named node: the block with its "
        "`except`, and whether the client's address is still its own when they see it.",
    ),
    needs=(Ingress, IpBlocks),
)
def test_policy_ipblock(board: Board, profile: Profile, judge: Judge) -> None:
    _check_engine(board, profile)
    control = board.wait(Ingress.outside).observations
    denied = board.wait(IpBlocks.denied).observations
    ipv4, ipv6 = board.wait(IpBlocks.ipv4_in).observations, board.wait(IpBlocks.ipv6_in).observations
    _judge_denied(denied, control, None, judge)
    _judge_allowed(ipv4, denied, control, judge)
    _judge_other_family(board.wait(IpBlocks.ipv6_out).observations, denied, control, judge, way="in")
    _judge_allowed(ipv6, denied, control, judge)


@behaviour(
    Behaviour(
        id="policy-egress",
        level=Level.MUST,
        tier=Tier.PODS,
        promise="network_policy",
        every_node=True,
        every_pair=True,
        claim="A NetworkPolicy that lets nobody in leaves what a pod asks itself alone, one that lets "
        "nothing out stops it, and one that names servers by labels lets it reach these, in both families.",
        source=f"{SOURCE}#default-deny-all-egress-traffic",
        remedy="Look at the policy engine's rules of the broken family on the source's node, and whether a "
        "denied pod may still ask for its gateway (ICMPv6 types 133 to 136).",
    ),
    needs=(TcpPodToPod, Ingress, Egress),
)
def test_policy_egress(board: Board, profile: Profile, judge: Judge) -> None:
    _check_engine(board, profile)
    _judge_own(board, judge)
    denied, allowed = board.wait(Egress.denied).observations, board.wait(Egress.allowed).observations
    beside = Families(each for each in board.wait(Ingress.beside).observations if each.reached)
    control = board.wait(Egress.open).observations
    _judge_denied(denied, control, beside, judge)
    _judge_allowed(allowed, denied, control, judge)
    _judge_later(board.wait(Egress.later).observations, allowed, judge)


@behaviour(
    Behaviour(
        id="policy-egress-ipblock",
        level=Level.MUST,
        tier=Tier.PODS,
        promise="network_policy",
        every_node=True,
        claim="An ipBlock lets pods out to an address outside the cluster, in its own family alone; the "
        "other family stays denied until an ipBlock of it is there.",
        source=f"{SOURCE}#behavior-of-to-and-from-selectors",
        remedy="Look at the policy engine's rules of the broken family on the source's node: the block with "
        "its `except`.",
    ),
    needs=(Egress, EgressPaths, EgressBlocks),
)
def test_policy_egress_ipblock(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    if why := EgressBlocks.left_out(survey, profile):
        raise NotApplicable(why)
    _check_engine(board, profile)
    control = board.wait(EgressPaths.paths).observations
    denied = board.wait(EgressBlocks.denied).observations
    ipv4, ipv6 = (
        board.wait(EgressBlocks.ipv4_out).observations,
        board.wait(EgressBlocks.ipv6_out).observations,
    )
    _judge_denied(denied, control, None, judge)
    _judge_allowed(ipv4, denied, control, judge)
    _judge_other_family(board.wait(EgressBlocks.ipv6_kept).observations, denied, control, judge, way="out")
    _judge_allowed(ipv6, denied, control, judge)


def _check_engine(board: Board, profile: Profile) -> None:
    """Without an engine nothing is promised, unless the profile does; what hides it is not judged."""
    engine = board.wait(Ingress.engine)
    if engine.trouble:
        raise CannotJudge(engine.trouble)
    if not engine.bites and not engine.required:
        raise NotApplicable(engine.none)


def _judge_denied(seen: Paths, control: Paths, beside: Families | None, judge: Judge) -> None:
    """Judge that what answered before is silent; `beside`: what no policy selects, asked at that time."""
    seen = list(seen)
    held = Families(each for each in seen if each.silent)
    for path in judge.paths(seen, "paths", control=control):
        if path.silent and beside and path.target not in PLACES and not beside.has(path):
            judge.cannot_path(path, "a pod that no policy selects does not answer from there now either")
            continue
        only = held.other(path)
        cause = f"the deny holds in {only} only" if only else "the deny is ignored in both families"
        _judge_path(path, path.silent, judge, cause=f"{cause}: {_by(path)} is still answered", phase="denied")


def _judge_allowed(seen: Paths, denied: Paths, control: Paths, judge: Judge) -> None:
    """Judge that what was denied is let through again; what never was, or never answered, proves nothing."""
    seen = list(seen)
    cut_off = {
        (each.kind, each.source, each.family)
        for each in control
        if each.target not in PLACES and not each.reached
    }
    was_denied = Families(each for each in denied if each.silent)
    through = Families(each for each in seen if each.reached)
    for path in judge.paths(seen, "paths"):
        if not was_denied.has(path):
            judge.cannot_path(path, "it had not been denied before (see policy-deny)")
            continue
        lost = not path.reached or path.flaw is not None
        if lost and path.target in PLACES and (path.kind, path.source, path.family) in cut_off:
            judge.cannot_path(path, "not all pods behind it answered from there before the deny either")
            continue
        alone = through.other(path)
        cause = f"{path.family} stays denied after the allow" if alone else "it stays denied after the allow"
        _judge_path(
            path,
            path.reached and path.flaw is None,
            judge,
            cause=path.flaw or f"{cause}: no answer by {_by(path)}: {path.error}",
            phase="allowed",
        )


def _judge_other_family(seen: Paths, denied: Paths, control: Paths, judge: Judge, *, way: str) -> None:
    """Judge that a block of IPv4 leaves IPv6 denied."""
    was_denied = Families(each for each in denied if each.silent)
    for path in judge.paths(seen, "paths", control=control):
        if was_denied.has(path):
            cause = f"an IPv4 block lets IPv6 {way}"
            _judge_path(path, path.silent, judge, cause=cause, phase="IPv4 block")


def _judge_own(board: Board, judge: Judge) -> None:
    """Judge that pods reach others while a deny lets nobody in to them; not where no client does either."""
    direct = Direct(board.wait(TcpPodToPod.paths).observations)
    for path in board.wait(Egress.open).observations:
        if path.blocked or path.target in PLACES or direct.same(path):
            continue
        cause = f"a deny of what comes in stops what the pod asks itself: no answer by {_by(path)}"
        _judge_path(path, path.reached, judge, cause=f"{cause}: {path.error}", phase="open")


def _judge_later(seen: Paths, allowed: Paths, judge: Judge) -> None:
    """Judge that what was let through still is, some seconds later, when neighbours are asked for anew."""
    through = Families(each for each in allowed if each.reached)
    for path in judge.paths(seen, "pairs of nodes"):
        if through.has(path):
            cause = path.flaw or f"it was let through, and some seconds later no more: {path.error}"
            _judge_path(path, path.reached and path.flaw is None, judge, cause=cause, phase="later")


def _judge_path(path: Observation, holds: bool, judge: Judge, *, cause: str, phase: str) -> None:
    judge.path(
        path,
        holds,
        cause=cause,
        phase=phase,
        protocol=path.kind,
        address=path.address,
        answered=f"{path.answered} of {path.requests}",
        answered_by=dict(path.answered_by),
        counted=path.counted,
        rounds=path.rounds,
        error=path.error,
    )


def _by(path: Observation) -> str:
    return path.kind.upper()


def _place(path: Observation) -> tuple[str, str, str]:
    outside = "outside" if path.kind == CONNECT.name else path.target
    return path.kind, path.source, PLACES.get(path.target, outside)
