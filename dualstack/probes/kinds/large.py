"""Requests that fill more than one packet: a megabyte by TCP, a datagram larger than the usual MTU by UDP.

Small answers pass where large packets do not: the ICMP messages that would tell the sender the path's MTU are
filtered, or a tunnel's MTU is wrong. Each pair of nodes is asked both ways round, so each way carries a load.
"""

from dualstack.family import bracketed
from dualstack.probes.kind import NAME, Port, TryKind
from dualstack.probes.kinds.tcp import PATHS, Tcp
from dualstack.probes.kinds.udp import answer_of, flow_of
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request

DATAGRAM_BYTES = 1900
"""Of text: more than an Ethernet frame holds, and less than agnhost's buffer of 2,048 bytes."""
ECHO_PREFIX = len("echo ")


class LargeTcp(Tcp):
    """A POST with a megabyte of headers, which the server must have read before it says its name."""

    name = "tcp-large"
    ports = {NAME: Port("tcp-name", 8080)}  # noqa: RUF012

    def words(self, tally: Tally) -> list[str]:
        """Ask for the name only."""
        return [NAME] * tally.round_size

    def in_a_round(self, names: int) -> int:
        """Count the names."""
        return names

    def request(self, tally: Tally, id_: str, word: str) -> Request:
        """Return the POST."""
        host = bracketed(str(tally.target.address))
        return Request("large", id_, f"http://{host}:{tally.target.ports[word]}/{PATHS[word]}")


class LargeUdp(TryKind):
    """A datagram that is cut into fragments, there and back."""

    name = "udp-large"
    ports = {NAME: Port("udp", 8081)}  # noqa: RUF012
    processes = True

    def request(self, tally: Tally, id_: str) -> Request:
        """Return a datagram, from a source port of its own."""
        target, port = tally.target, tally.flows.port(flow_of(tally, id_))
        return Request("echo", id_, f"{target.address} {target.ports[NAME]} {port} {DATAGRAM_BYTES}")

    def succeeds(self, tally: Tally, id_: str, answers: Answers) -> bool:
        """Read how many bytes came back."""
        body, error = answer_of(tally, id_, answers)
        count = body.split()[-1] if body and body.split() else ""
        came = int(count) if count.isdigit() else 0
        if came < DATAGRAM_BYTES:
            tally.error = error or (f"only {came} bytes came back" if came else "no answer within 1 s")
            tally.flows.renew(flow_of(tally, id_))
            return False
        return True


LARGE_TCP, LARGE_UDP = LargeTcp(), LargeUdp()
