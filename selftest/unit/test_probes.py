import itertools
import json
from concurrent.futures import Future

import pytest

from dualstack.family import Family
from dualstack.probes import rounds, script
from dualstack.probes.flows import Flows
from dualstack.probes.kind import client_seen
from dualstack.probes.kinds.connect import CONNECT
from dualstack.probes.kinds.ping import PING
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.kinds.udp import UDP
from dualstack.probes.rounds import Blocked, Tally, Target
from dualstack.probes.script import Answers, Request


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)


def curl(request, **more):
    url = f"http://[fd00::1]:8080/hostname?request={request}"
    return "curl " + json.dumps({"url": url, "http_code": 200, "exitcode": 0, "time_connect": 0.001} | more)


def test_answers_are_told_apart():
    answers = script.parse(
        "\n".join(
            [
                curl("0-0-0"),
                curl("0-0-client", http_code=0, exitcode=28, errormsg="Connection timed out"),
                "./body.0-0-0:server-1",
                "./ping.1-2:64 bytes from fd00::2: seq=0 ttl=62",
                "./ping.1-2:exit 0",
                "./routes.IPv4.1-it:[]",
                "noise",
            ]
        )
    )
    assert answers.of("0-").files["body", "0-0"] == "server-1"
    assert answers.of("0-").curl["0-client"]["errormsg"] == "Connection timed out"
    assert answers.of("1-").files == {
        ("ping", "2"): "64 bytes from fd00::2: seq=0 ttl=62\nexit 0",
        ("routes.IPv4", "it"): "[]",
    }


def test_garbage_is_no_answer_and_no_error():
    cut_off = curl("0-0-0")[:60]
    lines = [cut_off, "curl {}", "curl {[]", "\x00\x1b[2J", curl("0-1-0")]
    answers = script.parse("\n".join(lines))
    assert set(answers.curl) == {"0-1-0"}


@pytest.mark.parametrize(
    "said",
    [
        "sh: curl: not found",
        "curl: option --parallel: is unknown",
        "curl: unknown --write-out variable: 'json'",
    ],
)
def test_an_image_without_a_curl_of_today_blocks_the_path_in_its_own_words(said):
    answers = script.parse(f"./curl.trouble:{said}\ncurl \n").of("0-")
    one = tally()
    assert not TCP.take(one, "0", answers)
    assert one.blocked == f"curl in the probe image: {said}"
    assert one.given_up
    assert not one.observation(since=0).reached


def target(kind=TCP, **more):
    about = {"source": "a", "target": "b", "family": Family.V6, "address": "fd00::1",
             "ports": {"hostname": 80, "clientip": 82}}  # fmt: skip
    return Target(kind=kind, **(about | more))


def tally(kind=TCP, *, until_silent=False, tries=0, keep_flows=False, flows=None, **more):
    aim = target(kind, **more)
    return Tally(aim, until_silent=until_silent, tries=tries, keep_flows=keep_flows, flows=flows or Flows())


@pytest.mark.parametrize(
    ("text", "reached", "blocked", "error"),
    [
        ("64 bytes from fd00::2: seq=0 ttl=62\nexit 0", True, None, None),
        ("ping: permission denied (are you root?)\nexit 1", False, "may not ping", None),
        ("sh: ping: not found\nexit 127", False, "may not ping", None),
        ("PING fd00::4: 56 data bytes\nexit 1", False, None, "no reply within 2 s"),
        ("From fd00::3: Destination unreachable: No route\nexit 1", False, None, "unreachable"),
    ],
)
def test_ping_is_read(text, reached, blocked, error):
    one = tally(PING)
    assert PING.take(one, "0", Answers(files={("ping", "0-0"): text})) is reached
    assert (one.blocked is None) if blocked is None else (blocked in one.blocked)
    assert (error or "") in (one.error or "")


@pytest.mark.parametrize(
    ("text", "body", "blocked"),
    [
        ("server-1\nexit 0", "server-1", False),
        ("\nexit 1", None, False),
        ("nc: read failed (1/0): Connection refused\n\nexit 1", None, False),
        ("nc: invalid option -- 'W'\n\nexit 1", None, True),
        ("sh: nc: not found\n\nexit 127", None, True),
    ],
)
def test_udp_answers_are_read(text, body, blocked):
    one = tally(UDP)
    said, error = UDP.answer(one, "0-0", Answers(files={("udp", "0-0"): text}))
    assert said == body
    assert one.given_up is blocked
    assert (error is None) == (body is not None)


def test_a_flow_keeps_its_port_while_it_answers_and_where_it_must():
    flows = Flows()
    one = tally(UDP, flows=flows)

    def port():
        return UDP.requests(one, "7")[0].argument.split()[2]

    first = port()
    assert first == port()
    UDP.answer(one, "7-0", Answers(files={("udp", "7-0"): "\nexit 1"}))
    second = port()
    assert second != first
    one.keep_flows = True
    UDP.answer(one, "7-0", Answers(files={("udp", "7-0"): "\nexit 1"}))
    assert port() == second


@pytest.mark.parametrize(
    ("body", "seen"),
    [("10.0.0.1:4242", "10.0.0.1"), ("[fd00::1]:4242", "fd00::1"), ("<html>", None), ("", None)],
)
def test_the_client_address_is_read_in_both_families(body, seen):
    assert client_seen(body) == seen


def answering(names, refuse_first=0, client="fd00::9", lost=()):
    """A way to ask that refuses some rounds, then answers with the names in turn."""
    state = {"round": 0}

    def ask(source, requests, first=False):
        state["round"] += 1
        answers, turn = Answers(), itertools.cycle(names)
        for each in requests:
            refused = state["round"] <= refuse_first or each.id in lost
            answers.curl[each.id] = {"exitcode": 7, "errormsg": "refused"} if refused else {"http_code": 200}
            asks_for_client = each.argument.endswith("whoami")
            answers.files["body", each.id] = f"[{client}]:1" if asks_for_client else next(turn)
        future = Future()
        future.set_result(answers)
        return future

    return ask


def test_a_first_refusal_is_counted_and_is_not_a_failure():
    one = tally(wanted=frozenset(["s"]))
    rounds.until_done([one], answering(["s"], refuse_first=2), bound=5)
    seen = one.observation(since=0)
    assert (seen.reached, seen.rounds, seen.error) == (True, 3, None)


def test_what_never_answers_ends_at_the_bound():
    one = tally(wanted=frozenset(["s"]))
    rounds.until_done([one], answering(["s"], refuse_first=10**9), bound=0.05)
    seen = one.observation(since=0)
    assert (seen.reached, seen.error) == (False, "refused")
    assert seen.rounds > rounds.LEAST_ROUNDS


def test_a_round_longer_than_the_bound_is_not_the_only_one():
    one = tally(wanted=frozenset(["s"]))
    rounds.until_done([one], answering(["s"], refuse_first=1), bound=0)
    assert (one.observation(since=0).reached, one.rounds) == (True, 2)


def test_what_is_known_to_be_in_vain_is_given_up_before_the_bound():
    lost, late = tally(wanted=frozenset(["s"])), tally(source="c", wanted=frozenset(["t"]))
    ask = answering(["t"], refuse_first=2 * rounds.LEAST_ROUNDS)
    rounds.until_done([lost, late], ask, bound=99, in_vain=lambda one: one is lost)
    assert (lost.done_at, lost.rounds) == (None, rounds.LEAST_ROUNDS)
    assert late.done_at is not None


def test_a_lost_request_is_reported_although_others_answered():
    one = tally(wanted=frozenset(["s"]), names_a_round=2)
    rounds.one_round([one], answering(["s"], lost=("0-0",)))
    seen = one.observation(since=0)
    assert (seen.reached, seen.answered, seen.requests, seen.error) == (True, 2, 3, "refused")


def test_another_pod_at_the_address_is_not_an_answer():
    one = tally(wanted=frozenset(["s"]))
    rounds.until_done([one], answering(["impostor"]), bound=0)
    seen = one.observation(since=0)
    assert not seen.reached
    assert seen.missing == ("s",)
    assert "impostor" in seen.answered_by


def test_a_service_is_reached_when_every_backend_has_answered():
    one = tally(wanted=frozenset(["s", "t"]), names_a_round=2)
    rounds.until_done([one], answering(["s", "s"]), bound=0)
    assert one.observation(since=0).missing == ("t",)


def losing(lost, names=("s",)):
    """A way to ask where, of the rounds that follow the first, each loses the given number of tries."""
    rounds_left = [0, *lost]

    def ask(source, requests, first=False):
        count = rounds_left.pop(0) if rounds_left else 0
        return answering(list(names), lost=[each.id for each in requests[:count]])(source, requests)

    return ask


@pytest.mark.parametrize(
    ("lost", "counted", "flawed"),
    [
        ([], "10 of 10", False),
        ([1], "9 of 10, then 10 of 10", False),
        ([1, 1], "9 of 10, then 9 of 10", True),
        ([2], "8 of 10", True),
        ([7], "3 of 10", True),
    ],
)
def test_tries_after_convergence_count_and_a_lone_failure_must_be_confirmed(lost, counted, flawed):
    one = tally(wanted=frozenset(["s"]), tries=10)
    rounds.until_done([one], losing(lost), bound=0)
    seen = one.observation(since=0)
    assert (seen.reached, seen.counted, seen.rounds) == (True, counted, 1)
    assert (seen.flaw is not None) is flawed
    assert not flawed or "refused" in seen.flaw


@pytest.mark.parametrize(
    ("lost", "counted", "flawed"),
    [
        ([[10, 10]], ("0 of 10, then 10 of 10", "0 of 10, then 10 of 10"), (False, False)),
        ([[10, 4]], ("0 of 10, then 10 of 10", "6 of 10, then 10 of 10"), (False, False)),
        ([[10, 10], [10, 2]], ("0 of 10, then 0 of 10", "0 of 10, then 8 of 10"), (True, True)),
        ([[10, 0]], ("0 of 10", "10 of 10"), (True, False)),
        ([[10, 0], [0, 10]], ("0 of 10", "10 of 10"), (True, False)),
    ],
)
def test_a_source_that_loses_most_of_what_it_asks_is_asked_once_more(lost, counted, flawed):
    """Seen on a slow machine: one node's pod lost all of its tries in one round, those to itself too."""
    pair = [tally(wanted=frozenset(["s"]), tries=10) for _ in range(2)]
    rounds_left = [[0, 0], *lost]

    def ask(source, requests, first=False):
        counts = rounds_left.pop(0) if rounds_left else [0, 0]
        gone = [
            each.id
            for n, count in enumerate(counts)
            for each in [one for one in requests if one.id.startswith(f"{n}-")][:count]
        ]
        return answering(["s"], lost=gone)(source, requests)

    rounds.until_done(pair, ask, bound=0)
    seen = [each.observation(since=0) for each in pair]
    assert (tuple(each.counted for each in seen), tuple(bool(each.flaw) for each in seen)) == (
        counted,
        flawed,
    )


def test_any_answer_of_a_stranger_is_a_flaw():
    one = tally(wanted=frozenset(["s"]), allowed=frozenset(["s", "t"]), tries=10)
    rounds.until_done([one], answering(["s", "t"]), bound=0)
    assert one.observation(since=0).flaw is None
    other = tally(wanted=frozenset(["s"]), names_a_round=9, tries=14)
    rounds.until_done([other], answering(["s"] * 9 + ["impostor"] * 2), bound=0)
    seen = other.observation(since=0)
    assert seen.strangers == {"impostor": 2}  # one in each of two bursts
    assert seen.flaw == "fd00::1 is also answered by a stranger: impostor (2)"


def test_no_try_counts_before_servers_are_known_to_listen():
    one = tally(wanted=frozenset(["s"]), tries=10)
    asked = iter([False, False, True, True, True])
    ask = answering(["s"])
    rounds.until_done([one], ask, bound=0, may_count=lambda: next(asked))
    assert one.observation(since=0).counted == "10 of 10"


def test_a_burst_that_cannot_be_made_leaves_the_path_unjudged():
    answer, calls = answering(["s"]), []

    def ask(source, requests, first):
        calls.append(len(requests))
        if len(calls) == 1:
            return answer(source, requests)
        future = Future()
        future.set_exception(Blocked("no end within 60 s", final=False))
        return future

    one = tally(wanted=frozenset(["s"]), tries=10)
    rounds.until_done([one], ask, bound=0)
    assert one.observation(since=0).blocked == "no end within 60 s"
    assert len(calls) == 1 + rounds.LEAST_ROUNDS


def test_connections_that_lost_a_syn_are_counted_apart():
    one = tally()
    TCP.answer(one, "0", Answers(curl={"0": {"http_code": 200, "time_connect": 1.03}}))
    TCP.answer(one, "0", Answers(curl={"0": {"http_code": 200, "time_connect": 0.03}}))
    assert (one.lost_syns, one.connect_seconds) == (1, 0.03)


def test_silence_is_waited_for_and_a_last_answer_is_not_silence():
    one = tally(until_silent=True, wanted=frozenset(["s"]))
    state = {"round": 0}
    alive, dead = answering(["s"]), answering(["s"], refuse_first=10**9)

    def ask(source, requests, first):
        state["round"] += 1
        return (alive if state["round"] <= 2 else dead)(source, requests)

    rounds.until_done([one], ask, bound=5)
    seen = one.observation(since=0)
    assert (seen.silent, seen.reached, seen.rounds, seen.answered) == (True, False, 3, 4)
    other = tally(until_silent=True, wanted=frozenset(["s"]))
    rounds.until_done([other], alive, bound=0)
    assert not other.observation(since=0).silent


def test_what_cannot_be_tried_is_blocked_and_not_broken():
    def ask(source, requests, first):
        future = Future()
        future.set_exception(Blocked("forbidden: create pods/exec", final=True))
        return future

    one, silent = tally(), tally(until_silent=True)
    rounds.until_done([one, silent], ask, bound=5)
    assert one.observation(since=0).blocked == "forbidden: create pods/exec"
    assert not silent.observation(since=0).silent


def test_an_address_without_a_route_blocks_only_itself():
    def ask(source, requests, first):
        future = answering(["s"])(source, requests)
        future.result().blocked.update({"0-0": "no route", "0-1": "no route"})
        return future

    one, other = tally(), tally(wanted=frozenset(["s"]))
    rounds.one_round([one, other], ask)
    assert (one.blocked, other.observation(since=0).reached) == ("no route", True)


def test_requests_are_lines():
    assert Request("interfaces", "it").line("3-") == "interfaces 3-it"
    assert [each.line() for each in TCP.requests(tally(), "0")] == [
        "http 0-0 http://[fd00::1]:80/hostname",
        "http 0-1 http://[fd00::1]:82/whoami",
    ]


def test_two_scenarios_never_share_a_source_port():
    flows = Flows()
    flow = ("node0", "fd00::1", "0")
    assert flows.port(("one", *flow)) != flows.port(("other", *flow))
    assert flows.port(("one", *flow)) == flows.port(("one", *flow))


def test_the_bound_begins_when_what_it_rests_on_is_known():
    """A server that listens only after many seconds is no dead path, however short the bound."""
    known, asked = itertools.count(), []

    def ask(source, requests, first):
        asked.append(source)
        future = Future()
        late = len(asked) > 6
        future.set_result(Answers(curl={"0-0": {"time_connect": 0.1 if late else 0}}))
        return future

    one = Tally(Target(kind=CONNECT, source="node0", target="node1", family=Family.V6, address="fd00::1",
                       ports={"hostname": 1}))  # fmt: skip
    rounds.until_done([one], ask, bound=0.0, may_count=lambda: next(known) > 8)
    assert one.done_at is not None
