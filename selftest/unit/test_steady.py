"""Silences of external addresses: a real server on loopback that does not answer for a while."""

import threading
import time
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from dualstack.family import Family
from dualstack.probes.kinds.tcp import TCP
from dualstack.scenario.steady import CALL_SECONDS, PAUSE_SECONDS, Watch

SECONDS = 3.0


@pytest.fixture
def server():
    """A server, and the periods (from, to) in seconds in which it keeps its callers waiting."""
    periods = []
    begun = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            now = time.monotonic() - begun
            if any(since <= now < until for since, until in periods):
                time.sleep(2 * CALL_SECONDS)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield listening.server_port, periods
    listening.shutdown()
    listening.server_close()


def watched(port):
    started = time.monotonic()
    path = SimpleNamespace(reached=True, target="balancer", address="127.0.0.1", family=Family.V4)
    service = SimpleNamespace(spec={"ports": [{"name": TCP.ports["hostname"].name, "port": port}]})
    stage = SimpleNamespace(
        board=SimpleNamespace(wait=lambda _: SimpleNamespace(observations=[path])),
        site=SimpleNamespace(profile=SimpleNamespace(load_balancers_steady_for=SECONDS)),
        objects={"balancer": service},
        elapsed=lambda: time.monotonic() - started,
        pause=time.sleep,
        waiting=lambda *_: nullcontext(),
    )
    (found,) = Watch(None).run(stage).addresses
    return found


def test_an_address_that_answers_is_never_silent(server):
    found = watched(server[0])
    assert (found.silent_seconds, found.error) == (0, None)
    assert found.answered == found.calls > SECONDS / (PAUSE_SECONDS + CALL_SECONDS)


def test_a_silence_is_measured_from_answer_to_answer(server):
    port, periods = server
    periods.append((0.5, 1.7))
    found = watched(port)
    assert 1.0 < found.silent_seconds < 2.5
    assert found.silent_at < 0.8
    assert "timed out after 0.5 s" in found.error


def test_one_call_that_misses_is_no_silence(server):
    port, periods = server
    periods.append((0.5, 0.5 + PAUSE_SECONDS + 0.02))
    found = watched(port)
    assert found.calls - found.answered == 1
    assert found.silent_seconds == 0


def test_a_silence_that_does_not_end_counts_too(server):
    port, periods = server
    periods.append((1.0, 60))
    assert watched(port).silent_seconds > 1.0
