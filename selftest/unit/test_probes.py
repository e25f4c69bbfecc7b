import json

import pytest

from dualstack.family import Family
from dualstack.probes import rounds, script


def curl(request, **told):
    url = f"http://[fd00::1]:8080/hostname?request={request}"
    return "curl " + json.dumps({"url": url, "http_code": 200, "exitcode": 0, "time_connect": 0.001} | told)


def test_answers_are_told_apart():
    answers = script.parse(
        "\n".join(
            [
                curl("0-0"),
                curl("0-client", http_code=0, exitcode=28, errormsg="Connection timed out"),
                "./body.0-0:server-1",
                "./ping.2:64 bytes from fd00::2: seq=0 ttl=62",
                "./ping.2:exit 0",
                "./ping.3:ping: permission denied (are you root?)",
                "./ping.3:exit 1",
                "./ping.4:PING fd00::4: 56 data bytes",
                "./ping.4:exit 1",
                "./addresses:[]",
                "noise",
            ]
        )
    )
    assert answers.http["0-0"].body == "server-1"
    assert answers.http["0-client"].error == "Connection timed out"
    assert answers.ping["2"].answered
    assert not answers.ping["3"].allowed
    assert answers.ping["4"].allowed
    assert not answers.ping["4"].answered
    assert answers.files["addresses"] == "[]"


@pytest.mark.parametrize(
    ("body", "seen"),
    [("10.0.0.1:4242", "10.0.0.1"), ("[fd00::1]:4242", "fd00::1"), ("<html>", None), ("", None)],
)
def test_the_client_address_is_read_in_both_families(body, seen):
    assert script.client_seen(body) == seen


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def answering(clock, names, refuse_first=0, client="fd00::9"):
    """A fake exec: refuses some rounds, then answers with the names in turn."""
    state = {"round": 0}

    def execute(source, lines):
        state["round"] += 1
        clock.now += 1
        answers = script.Answers()
        for index, line in enumerate(lines):
            _, request, _ = line.split()
            refused = state["round"] <= refuse_first
            body = f"[{client}]:1" if request.endswith("client") else names[index % len(names)]
            answers.http[request] = script.HttpAnswer(
                0 if refused else 200, 0.001, "refused" if refused else None, "" if refused else body
            )
        return answers

    return execute


def aim(**more):
    about = {
        "path": "tcp",
        "source": "a",
        "target": "b",
        "family": Family.V6,
        "address": "fd00::1",
        "port": 80,
    }
    return rounds.Aim(**(about | more))


def run(aims, execute, bound=5.0):
    clock = Clock()
    rounds.run(aims, execute(clock), bound=bound, clock=clock)


def test_a_first_refusal_is_counted_and_no_failure(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    one = aim(wanted=frozenset(["s"]))
    run([one], lambda clock: answering(clock, ["s"], refuse_first=2))
    seen = one.observation(since=0)
    assert (seen.reached, seen.rounds, seen.seconds, seen.error) == (True, 3, 3.0, None)


def test_what_never_answers_ends_at_the_bound(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    one = aim(wanted=frozenset(["s"]))
    run([one], lambda clock: answering(clock, ["s"], refuse_first=99))
    seen = one.observation(since=0)
    assert (seen.reached, seen.error) == (False, "refused")
    assert seen.rounds == 6


def test_a_round_longer_than_the_bound_is_not_the_only_one(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    one = aim(wanted=frozenset(["s"]))
    run([one], lambda clock: answering(clock, ["s"], refuse_first=1), bound=0.5)
    assert (one.observation(since=0).reached, one.rounds) == (True, 2)


def test_what_is_known_to_be_in_vain_is_given_up_before_the_bound(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    lost, late = aim(wanted=frozenset(["s"])), aim(wanted=frozenset(["t"]))
    clock = Clock()
    execute = answering(clock, ["t"], refuse_first=rounds.LEAST_ROUNDS)
    rounds.run([lost, late], execute, bound=99, clock=clock, in_vain=lambda one: one is lost)
    assert (lost.reached_at, lost.rounds) == (None, rounds.LEAST_ROUNDS)
    assert late.reached_at is not None


def test_a_lost_request_is_told_although_others_answered():
    one = aim(wanted=frozenset(["s"]), names_a_round=2)

    def execute(source, lines):
        answers = answering(Clock(), ["s"])(source, lines)
        answers.http["0-0"] = script.HttpAnswer(0, 0.0, "timed out after 2 s")
        return answers

    rounds.once([one], execute, clock=Clock())
    seen = one.observation(since=0)
    assert (seen.reached, seen.answered, seen.requests) == (True, 2, 3)
    assert seen.error == "timed out after 2 s"


def test_another_pod_at_the_address_is_not_an_answer(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    one = aim(wanted=frozenset(["s"]))
    run([one], lambda clock: answering(clock, ["impostor"]))
    seen = one.observation(since=0)
    assert not seen.reached
    assert seen.missing == ("s",)
    assert "impostor" in seen.answered_by


def test_a_service_is_reached_when_every_backend_has_answered(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    one = aim(path="cluster-ip", wanted=frozenset(["s", "t"]), names_a_round=2)
    run([one], lambda clock: answering(clock, ["s", "s"]), bound=2)
    assert one.observation(since=0).missing == ("t",)


def test_what_cannot_be_tried_is_blocked_and_not_broken(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)

    def execute(clock):
        def refuse(source, lines):
            raise rounds.Blocked("forbidden: create pods/exec", final=True)

        return refuse

    one = aim()
    run([one], execute)
    assert one.observation(since=0).blocked == "forbidden: create pods/exec"
