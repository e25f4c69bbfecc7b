"""Requests from the runner: a missing route of its own says nothing, one that a router lacks is a break."""

import errno
import http.client
import os
import socket

import pytest

from dualstack.probes import from_runner
from dualstack.probes.script import Request


class Unreachable(http.client.HTTPConnection):
    def connect(self) -> None:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))


@pytest.fixture(autouse=True)
def _unreachable(monkeypatch):
    monkeypatch.setattr(http.client, "HTTPConnection", Unreachable)


def answers():
    return from_runner.ask("runner", [Request("http", "it", "http://127.0.0.1:1/")]).result()


def test_a_route_that_a_router_lacks_is_an_answer_of_the_network():
    assert not answers().blocked
    assert "Network is unreachable" in answers().curl["it"]["errormsg"]


def test_a_route_that_the_runner_lacks_says_nothing(monkeypatch):
    class NoRoute(socket.socket):
        def connect(self, address):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", NoRoute)
    assert answers().blocked["it"] == "the runner has no IPv4 route to 127.0.0.1 (Network is unreachable)"
