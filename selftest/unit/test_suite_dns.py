"""The behaviours of the DNS, on made-up replies, and how dig's output is read."""

import tempfile
from pathlib import Path

import pytest

from dualstack.family import Family
from dualstack.probes.dig import complaint, read_dig
from dualstack.probes.observation import Observation
from dualstack.probes.script import Answers
from dualstack.scenario import lookup
from dualstack.scenario.board import Board
from dualstack.scenario.lookup import NodeReplies, Reply
from dualstack.scenario.name_servers import DnsService, read_resolver
from dualstack.scenario.seen import Paths, PerNode
from dualstack.scenarios import dns
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Verdict

DIG = """
; <<>> DiG 9.18.24 <<>> +tries=1 @10.96.0.10 a.svc.cluster.local. A b.svc.cluster.local. AAAA
; (1 server found)
;; global options: +cmd
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1
;; WARNING: recursion requested but not available

;; QUESTION SECTION:
;a.svc.cluster.local.	IN A

;; ANSWER SECTION:
a.svc.cluster.local. 30	IN CNAME	b.svc.cluster.local.
b.svc.cluster.local. 30	IN A	10.96.0.7

;; Query time: 2 msec
;; SERVER: 10.96.0.10#53(10.96.0.10) (UDP)

;; communications error to 10.96.0.10#53: timed out
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 2

;; QUESTION SECTION:
;C.svc.cluster.local.	IN AAAA

exit 9
"""


def test_dig_is_read():
    assert read_dig(DIG) == {
        ("a.svc.cluster.local.", "A"): ("NOERROR", ("10.96.0.7",), 2.0),
        ("c.svc.cluster.local.", "AAAA"): ("NXDOMAIN", (), None),
    }
    assert complaint(DIG) == "communications error to 10.96.0.10#53: timed out"
    assert complaint("sh: dig: not found\nexit 127") == "sh: dig: not found"
    assert read_dig("garbage \x00 ;; Got answer: nonsense") == {}


@pytest.mark.parametrize(
    ("text", "servers", "unread", "domain"),
    [
        (
            "search ns.svc.lab.example. svc.lab.example\nnameserver fd00::a\nnameserver 10.0.0.1",
            ("fd00::a", "10.0.0.1"),
            (),
            "lab.example",
        ),
        (
            "nameserver fe80::1%2\nnameserver fe80::1%eth0\nnameserver fe80::1%\nnameserver\noptions ndots:5",
            ("fe80::1%2", "fe80::1%eth0"),
            ("nameserver fe80::1%", "nameserver"),
            "cluster.local",
        ),
    ],
)
def test_resolv_conf_is_read(text, servers, unread, domain):
    seen = read_resolver("node0", Answers(files={("resolver", "resolver"): text}))
    assert (seen.servers, seen.unread, seen.domain, seen.trouble) == (servers, unread, domain, None)
    assert read_resolver("node0", Answers()).trouble


def reply(record="A", status="NOERROR", values=("10.96.0.7",), expected=("10.96.0.7",), **more):
    more = {"subject": "service-ipv4", "name": "x.", "server": "10.96.0.10"} | more
    return Reply(record=record, status=status, values=values, expected=expected, **more)


NO_DATA = {"record": "AAAA", "values": (), "expected": ()}
SILENT = {"status": None, "values": (), "error": "no answer: timed out"}


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(test, *replies, addresses=("10.96.0.10",), direct=(), services=(), by_name=None, **more):
        module, judge = suite_module("test_dns"), Judge()
        board = Board(Path(tempfile.mkdtemp(dir=tmp_path)))
        for step in (dns.Dns.by_name, dns.Dns.by_name_again):
            board.publish(step, PerNode[dns.ByName](nodes=(by_name,) if by_name else ()))
        given, unread = more.get("given", ("10.96.0.10",)), more.get("unread", ())
        node = NodeReplies(node="node0", replies=replies, given=given, unread=unread)
        board.publish(dns.Dns.cluster, DnsService(addresses=addresses, trouble=more.get("trouble")))
        board.publish(dns.Dns.replies, PerNode[NodeReplies](nodes=(node,)))
        board.publish(module.TcpPodToPod.paths, Paths(observations=tuple(direct)))
        board.publish(module.UdpPodToPod.paths, Paths(observations=()))
        board.publish(module.ServicePaths.paths, Paths(observations=tuple(services)))
        getattr(module, f"test_{test}")(board, judge)
        return judge.findings

    return run


@pytest.mark.parametrize(
    ("test", "seen", "verdict"),
    [
        ("dns_records", reply(), Verdict.CONFORMS),
        ("dns_records", reply(values=("10.96.0.8",)), Verdict.BREAKS),
        ("dns_records", reply(values=("10.96.0.7", "10.96.0.8")), Verdict.BREAKS),
        ("dns_records", reply(status="SERVFAIL", values=()), Verdict.BREAKS),
        ("dns_records", reply("AAAA", values=("FD00:0::7",), expected=("fd00::7",)), Verdict.CONFORMS),
        ("dns_records", reply(**SILENT), Verdict.BREAKS),
        ("dns_no_data", reply(**NO_DATA), Verdict.CONFORMS),
        ("dns_no_data", reply(**NO_DATA | {"status": "NXDOMAIN"}), Verdict.BREAKS),
        ("dns_no_data", reply(**NO_DATA | {"values": ("fd00::1",)}), Verdict.BREAKS),
        ("dns_no_data", reply(**NO_DATA | SILENT), Verdict.NOT_JUDGED),
        ("dns_reverse", reply("PTR", values=("a.", "B."), expected=("b.",)), Verdict.CONFORMS),
        ("dns_reverse", reply("PTR", values=("a.",), expected=("b.",)), Verdict.BREAKS),
        ("dns_servers", reply(**SILENT), Verdict.BREAKS),
        ("dns_servers", reply(status="SERVFAIL"), Verdict.CONFORMS),
    ],
)
def test_a_reply_is_judged(judged, test, seen, verdict):
    findings = judged(
        test, seen, *([reply("AAAA", **SILENT)] if test == "dns_servers" and not seen.status else [])
    )
    assert {finding.verdict for finding in findings} == {verdict}


def test_one_dead_server_of_two_is_found_once(judged):
    alive, dead = reply(), reply(server="fd00::dead", **SILENT)
    assert [f.verdict for f in judged("dns_records", alive, dead)] == [Verdict.CONFORMS]
    found = judged("dns_servers", alive, dead)
    assert [(f.subject, f.family, f.verdict) for f in found if f.verdict is Verdict.BREAKS] == [
        ("node0 → fd00::dead", Family.V6, Verdict.BREAKS)
    ]


def test_a_node_whose_pods_are_told_of_nobody_who_answers_is_found(judged):
    zone = "fe80::1%2"
    seen = (reply(), reply("AAAA"), reply(server=zone, **SILENT), reply("AAAA", server=zone, **SILENT))
    (finding,) = judged("dns_records", *seen, given=(zone,))
    assert (finding.subject, finding.verdict, zone in finding.cause) == ("node0", Verdict.BREAKS, True)
    found = {f.subject: (f.family, f.verdict) for f in judged("dns_servers", *seen, given=(zone,))}
    assert found[f"node0 → {zone}"] == (Family.V6, Verdict.BREAKS)
    (line, _) = judged("dns_servers", reply(), unread=("nameserver fe80::1%",))
    assert (line.subject, line.verdict) == ("node0: nameserver fe80::1%", Verdict.BREAKS)


def test_silence_where_other_traffic_is_lost_too_is_not_judged(judged):
    lost = Observation(kind="tcp", source="node0", target="node1", family=Family.V4, address="10.0.0.1")
    for test in ("dns_records", "dns_servers"):
        (finding,) = judged(test, reply(**SILENT), direct=[lost])
        assert (finding.verdict, "see tcp-pod-to-pod" in finding.cause) == (Verdict.NOT_JUDGED, True)


def test_without_a_cluster_dns_nothing_is_promised(judged):
    with pytest.raises(NotApplicable, match="no cluster DNS"):
        judged("dns_records", reply(**SILENT), addresses=())
    with pytest.raises(CannotJudge, match="forbidden"):
        judged("dns_records", reply(**SILENT), addresses=(), trouble="forbidden: list services")


@pytest.mark.parametrize(
    ("took", "lost", "verdict"),
    [(3.0, False, Verdict.CONFORMS), (201.0, False, Verdict.BREAKS), (201.0, True, Verdict.NOT_JUDGED)],
)
def test_a_fallback_is_felt_and_where_a_direct_path_is_lost_no_wonder(judged, took, lost, verdict):
    times = dict.fromkeys(dns.BY_NAME, took)
    seen = dns.ByName(node="node0", milliseconds=times, chosen=dict.fromkeys(dns.BY_NAME, "10.96.0.7"))
    path = Observation(kind="tcp", source="node0", target="node1", family=Family.V6, address="fd00::1")
    findings = judged("dns_fallback", reply(), by_name=seen, direct=[path] if lost else [])
    assert {finding.verdict for finding in findings} == {verdict}
    silent = dns.ByName(node="node0", errors=dict.fromkeys(dns.BY_NAME, "could not resolve"))
    assert {f.verdict for f in judged("dns_fallback", reply(), by_name=silent)} == {Verdict.NOT_JUDGED}


def test_each_servers_answers_are_its_own():
    asked = [
        reply(record, "", server=server, name="a.svc.cluster.local.", values=())
        for server in ("10.96.0.10", "fd00::dead")
        for record in ("A", "AAAA")
    ]
    assert lookup.request(asked).argument == (
        "10.96.0.10,fd00::dead a.svc.cluster.local. A a.svc.cluster.local. AAAA"
    )
    dead = ";; connection timed out; no servers could be reached\nexit 9"
    files = {("dig-0-0", "names"): DIG, ("dig-1-0", "names"): dead, ("dig-0-0", "other"): dead}
    seen = lookup.read(asked, Answers(files=files))
    assert [(each.status, each.values) for each in seen] == [
        ("NOERROR", ("10.96.0.7",)), (None, ()), (None, ()), (None, ()),
    ]  # fmt: skip
    assert seen[1].error == "no answer: communications error to 10.96.0.10#53: timed out"
    assert seen[3].error == "no answer: connection timed out; no servers could be reached"
    assert lookup.read(asked, Answers())[0].error == "no answer: the probe printed nothing"


def test_tries_at_once_all_count_as_soon_as_one_is_answered():
    asked = [reply("A", None, (), None, name="a.svc.cluster.local.", tries=3)]
    assert lookup.request(asked).argument == "10.96.0.10,10.96.0.10,10.96.0.10 a.svc.cluster.local. A"
    dead = ";; connection timed out; no servers could be reached\nexit 9"
    silent, answered = {("dig-0-0", "names"): dead}, {("dig-0-0", "names"): DIG}
    (none,) = lookup.read(asked, Answers(files=silent))
    assert (none.came, none.share) == (0, False)  # not there yet, or never: it is asked again
    (some,) = lookup.read([none], Answers(files=silent | {("dig-1-0", "names"): DIG}))
    assert (some.came, some.share, some.right) == (1, True, False)
    every = answered | {("dig-1-0", "names"): DIG, ("dig-2-0", "names"): DIG}
    assert lookup.read([some], Answers(files=every)) == [some]  # a cache's answer hides nothing
    (all_of_them,) = lookup.read([none], Answers(files=every))
    assert (all_of_them.came, all_of_them.right) == (3, True)


@pytest.mark.parametrize(("servers", "questions", "tries"), [(2, 4, 4), (3, 40, 2), (3, 400, 1), (0, 0, 4)])
def test_a_pod_makes_no_more_tries_at_once_than_it_has_room_for(servers, questions, tries):
    assert lookup.tries_at_once(4, servers, questions) == tries
