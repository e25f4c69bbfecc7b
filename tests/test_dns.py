"""The cluster's DNS: both families' records of Services, over every name server that pods are given."""

from collections.abc import Callable, Iterable, Iterator

from dualstack.family import FAMILIES, Family, family_of, is_address
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenario.lookup import NO_ERROR, RECORD, NodeReplies, Reply, by_server
from dualstack.scenario.name_servers import DNS_LABEL
from dualstack.scenarios.cluster_ips import ServicePaths
from dualstack.scenarios.dns import BY_NAME, HEADLESS, WITH_RECORDS, Dns, OutsideNames
from dualstack.scenarios.tcp_pod_to_pod import Direct, TcpPodToPod
from dualstack.scenarios.udp_pod_to_pod import UdpPodToPod
from dualstack.survey.model import Survey
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Level, Tier

SPECIFICATION = "https://github.com/kubernetes/dns/blob/master/docs/specification.md"
FALLBACK_MS = 200
"""After that long curl turns to the other family, as others that try both do (RFC 8305: 250 ms)."""
PATHS = (TcpPodToPod, UdpPodToPod, ServicePaths)
"""What shows that a question was lost on its way: that is no server's fault."""
FAMILY = {record: family for family, record in RECORD.items()}


@behaviour(
    Behaviour(
        id="dns-records",
        traffic="DNS records",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A Service's A and AAAA records are its ClusterIPs, for every node's pods.",
        source=SPECIFICATION,
        remedy="Ask the named server by hand (dig @SERVER NAME AAAA) and look for rules in its configuration "
        "that answer one type differently: template, rewrite, filters of AAAA.",
    ),
    needs=(*PATHS, Dns),
)
def test_dns_records(board: Board, judge: Judge) -> None:
    for node, replies in _asked(board, judge, lambda each: _is_of_services(each) and each.expected):
        if not node.answering or node.untold:
            silent = node.given if node.untold else node.servers
            if why := _consequence(board, node.node, silent):
                judge.cannot(node.node, why, source=node.node)
                continue
            own = f", while the cluster's own do: {', '.join(sorted(node.answering))}"
            judge(
                node.node,
                False,
                source=node.node,
                cause=f"none of its name servers answers ({', '.join(silent) or 'it has none'})"
                + (own if node.untold else f": {replies[0].error}"),
                remedy="Does the cluster's DNS run, does its Service answer on the named node (see "
                "cluster-ip-udp), and is it what the node's kubelet has as clusterDNS?",
            )
            continue
        _judge_replies(board, node, replies, judge)


@behaviour(
    Behaviour(
        id="dns-no-data",
        traffic="empty DNS answers",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Asked for the family that a Service has not, the DNS says that there is no such record, and "
        "not that there is no such name.",
        source="https://www.rfc-editor.org/rfc/rfc4074#section-4.2",
        remedy="Let the named server answer NOERROR without records: after NXDOMAIN or SERVFAIL for AAAA, "
        "resolvers give the A record up as well (musl, .NET).",
    ),
    needs=(*PATHS, Dns),
)
def test_dns_no_data(board: Board, judge: Judge) -> None:
    for node, replies in _asked(board, judge, lambda each: _is_of_services(each) and not each.expected):
        _judge_replies(board, node, replies, judge)


@behaviour(
    Behaviour(
        id="dns-headless",
        both_families=True,
        traffic="DNS records of pods",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A headless Service's records are its pods' addresses of both families, and a pod with a host "
        "name of its own is found by it.",
        source=f"{SPECIFICATION}#24---records-for-a-headless-service",
        remedy="Compare the answer with the Service's EndpointSlices of the broken family: are they what the "
        "named server watches?",
    ),
    needs=(*PATHS, Dns),
)
def test_dns_headless(board: Board, judge: Judge) -> None:
    for node, replies in _asked(board, judge, lambda each: each.subject.endswith(HEADLESS)):
        _judge_replies(board, node, replies, judge)


@behaviour(
    Behaviour(
        id="dns-reverse",
        both_families=True,
        traffic="DNS names of addresses",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="The name of a Service is among those that the DNS gives for each of its ClusterIPs.",
        source=f"{SPECIFICATION}#233---ptr-record",
        remedy="Give the DNS the reverse zones of both families: in-addr.arpa and ip6.arpa.",
    ),
    needs=(*PATHS, Dns),
)
def test_dns_reverse(board: Board, judge: Judge) -> None:
    for node, replies in _asked(board, judge, lambda each: each.record == "PTR"):
        _judge_replies(board, node, replies, judge)


@behaviour(
    Behaviour(
        id="dns-servers",
        traffic="DNS",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="Every name server that pods are given, and every address of the cluster's DNS, answers for "
        "both record types from every node.",
        source="https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
        remedy="Take a server that does not answer out of the kubelet's clusterDNS, or look why it does not: "
        "resolvers wait for seconds before they ask the next one.",
    ),
    needs=(*PATHS, Dns),
)
def test_dns_servers(board: Board, judge: Judge) -> None:
    for node, replies in _asked(board, judge, lambda each: each.record in FAMILY):
        for line in node.unread:
            judge(
                f"{node.node}: {line}",
                False,
                source=node.node,
                cause="a line of its pods' resolv.conf names no address: resolvers pass it over",
                remedy="Correct the line in the node's resolv.conf, which kubelets copy.",
            )
        for server in node.servers:
            own = [each for each in replies if each.server == server]
            silent = [each for each in own if each.status is None]
            dead: Iterable[str] = dict.fromkeys(each.record for each in silent)
            dead = [record for record in dead if all(e in silent for e in own if e.record == record)]
            if dead and (why := _consequence(board, node.node, [server])):
                judge.cannot(f"{node.node} → {server}", why, family=_family(server), source=node.node)
                continue
            judge(
                f"{node.node} → {server}",
                not dead,
                family=_family(server),
                source=node.node,
                target=server,
                cause=f"it does not answer for {' and '.join(dead)}: {silent[0].error if silent else None}",
                asked=len(own),
                answered=len(own) - len(silent),
                slowest_ms=max((each.milliseconds or 0 for each in own), default=None),
            )


@behaviour(
    Behaviour(
        id="dns-fallback",
        both_families=True,
        traffic="TCP by name",
        every_node=True,
        level=Level.INFO,
        tier=Tier.PODS,
        since="1.20",
        claim="A client that tries both families comes to a Service of both by its name at its first choice.",
        source="https://www.rfc-editor.org/rfc/rfc8305#section-5",
        remedy="See which family cannot be reached on the named node (cluster-ip-tcp): clients that do not "
        "try both wait for that family's time-out.",
    ),
    needs=(TcpPodToPod, UdpPodToPod, Dns),
)
def test_dns_fallback(board: Board, judge: Judge) -> None:
    _check_there_is_one(board)
    again = {each.node: each for each in board.wait(Dns.by_name_again).nodes}
    for first in judge.each(board.wait(Dns.by_name).nodes, "nodes"):
        seen = first.better(again[first.node])
        if seen.trouble:
            judge.cannot(seen.node, seen.trouble, source=seen.node)
            continue
        for service in BY_NAME:
            took, error = seen.milliseconds.get(service), seen.errors.get(service)
            if took is None:
                silent = f"nothing answers by its name (see dns-records and cluster-ip-tcp): {error}"
                judge.cannot(f"{seen.node} → {service}", silent, source=seen.node, target=service)
                continue
            chosen = family_of(seen.chosen[service])
            (other,) = (family for family in FAMILIES if family is not chosen)
            at_once = took < FALLBACK_MS
            if not at_once and (why := _lost_directly(board, seen.node, {other})):
                judge.cannot(f"{seen.node} → {service}", why, source=seen.node, target=service)
                continue
            judge(
                f"{seen.node} → {service}",
                at_once,
                family=chosen if at_once else other,
                source=seen.node,
                target=service,
                cause=f"clients that try both families come to it by {chosen} after {took:.0f} ms",
                chosen=seen.chosen[service],
                connect_ms=took,
                error=error,
            )


@behaviour(
    Behaviour(
        id="dns-external",
        traffic="DNS records of the outside",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="Every name server that answers gives addresses of both families for the names outside that "
        "the profile names, each time.",
        source="https://www.rfc-editor.org/rfc/rfc8305#section-3",
        remedy="Ask the servers that the cluster's DNS forwards to for the missing type, and look for "
        "filters of AAAA on the way (template, DNS64, split zones).",
    ),
    needs=(*PATHS, OutsideNames),
)
def test_dns_external(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    if why := OutsideNames.left_out(survey, profile):
        raise NotApplicable(why)
    for node in judge.each(board.wait(OutsideNames.replies).nodes, "nodes"):
        if node.trouble:
            judge.cannot(node.node, node.trouble, source=node.node)
        else:
            _judge_replies(board, node, node.replies, judge)
            _judge_shares(node, judge)


def _check_there_is_one(board: Board) -> None:
    """Raise CannotJudge or NotApplicable if the cluster has no DNS, as far as anybody can see."""
    cluster = board.wait(Dns.cluster)
    if cluster.addresses or any(each.answering for each in board.wait(Dns.replies).nodes):
        return
    if cluster.trouble:
        raise CannotJudge(
            f"no name server answers, and the cluster's DNS cannot be looked for: {cluster.trouble}"
        )
    raise NotApplicable(f"there is no cluster DNS: no Service with the label {DNS_LABEL}, and nobody answers")


def _is_of_services(reply: Reply) -> bool:
    return reply.subject in WITH_RECORDS and reply.record in FAMILY


def _family(server: str) -> Family | None:
    return family_of(server) if is_address(server) else None


def _consequence(board: Board, node: str, servers: Iterable[str]) -> str | None:
    """Return why it is no wonder that a node hears nothing of servers: their family loses other traffic."""
    families = {family for server in servers if (family := _family(server))}
    if why := _lost_directly(board, node, families):
        return why
    for path in board.wait(ServicePaths.paths).observations:
        if path.source == node and path.family in families and not path.reached and not path.blocked:
            return f"{path.source} → {path.target} ({path.family}) breaks, too (see cluster-ip-tcp)"
    return None


def _lost_directly(board: Board, node: str, families: set[Family]) -> str | None:
    """Return which direct path of a node breaks in one of the families, or why none can be tried, if so."""
    for step in (TcpPodToPod.paths, UdpPodToPod.paths):
        paths = board.wait(step).observations
        direct = Direct(paths)
        for family in families:
            own = [path for path in paths if (path.source, path.family) == (node, family)]
            if why := direct.trouble(family, node) or (own[0].blocked if own else None):
                return why
    return None


def _asked(
    board: Board, judge: Judge, wanted: Callable[[Reply], object]
) -> Iterator[tuple[NodeReplies, list[Reply]]]:
    """Yield each node with the replies that a behaviour is about; record what cannot be judged."""
    _check_there_is_one(board)
    for node in judge.each(board.wait(Dns.replies).nodes, "nodes"):
        replies = [each for each in node.replies if wanted(each)]
        if node.trouble:
            judge.cannot(node.node, node.trouble, source=node.node)
        elif not replies:
            judge.cannot(node.node, "there is nothing to ask for (see service-ipv6)", source=node.node)
        else:
            yield node, replies


def _judge_replies(board: Board, node: NodeReplies, replies: Iterable[Reply], judge: Judge) -> None:
    """Judge each question by what all servers said that answer; silent ones are dns-servers' matter."""
    groups: dict[tuple[str, str, str], list[Reply]] = {}
    for each in replies:
        groups.setdefault((each.subject, each.name, each.record), []).append(each)
    for (subject, name, record), group in groups.items():
        family = FAMILY.get(record) or (Family.V6 if "ip6.arpa" in name else Family.V4)
        said = [each for each in group if each.server in node.answering]
        if not said:
            judge.cannot(
                f"{node.node}: {subject}", "no name server answers here (see dns-records)",
                family=family, source=node.node, target=subject,
            )  # fmt: skip
            continue
        wrong = [each for each in said if not each.right and not each.share]
        silent = [each.server for each in wrong if each.status is None]
        if wrong and len(silent) == len(wrong) and (why := _consequence(board, node.node, silent)):
            judge.cannot(f"{node.node}: {subject}", why, family=family, source=node.node, target=subject)
            continue
        judge(
            f"{node.node}: {subject}",
            not wrong,
            family=family,
            source=node.node,
            target=subject,
            cause=_in_words(wrong[0]) if wrong else "",
            question=f"{record} {name}",
            answers={each.server: f"{each.status} {' '.join(each.values)}".strip() for each in said},
            rounds=node.rounds,
        )


def _judge_shares(node: NodeReplies, judge: Judge) -> None:
    """Judge of each server whether names that it knows are answered each time they are asked for."""
    for server, replies in by_server(each for each in node.replies if each.came).items():
        tries, came = sum(each.tries for each in replies), sum(each.came for each in replies)
        said = next((_said(each) for each in replies if each.share), None)
        judge(
            f"{node.node} → {server}",
            came == tries,
            family=_family(server),
            source=node.node,
            target=server,
            cause=f"{tries - came} of {tries} look-ups fail, of names that it answers at other times: {said}",
            remedy="One of the servers that the cluster's DNS forwards to does not answer: see the name "
            "servers in the resolv.conf of the nodes where it runs. An address with a zone (fe80::1%2) means "
            "nothing in a pod.",
        )


def _in_words(reply: Reply) -> str:
    wanted = "an address" if reply.expected is None else ", ".join(reply.expected) or "no record"
    return f"{reply.server} says {_said(reply)} for {reply.record}, and not {wanted}"


def _said(reply: Reply) -> str | None:
    if reply.status == NO_ERROR:
        return ", ".join(reply.values) or "no record"
    return reply.status or reply.error
