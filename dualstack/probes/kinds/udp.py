"""UDP: one datagram, one answer, from a source port that is known.

A stale conntrack entry bites only a client that keeps its source port (kubernetes/kubernetes#105320). So each
request of a path has a flow: its port is kept while the path answers and changed when it does not, unless
the probe keeps its flows on purpose, to ask whether old ones survive a change.
"""

from dualstack.probes.flows import Flow
from dualstack.probes.kind import CLIENT, NAME, Port, ServerKind
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request

NO_SUCH_OPTION = ("invalid option", "unrecognized option", "illegal option", "usage:", "not found")


class Udp(ServerKind):
    """A datagram by nc in the pod; OpenBSD's, since BusyBox's neither stops after an answer nor has -W."""

    name = "udp"
    ports = {NAME: Port("udp", 8081), CLIENT: Port("udp", 8081)}  # noqa: RUF012
    processes = True

    def request(self, tally: Tally, id_: str, word: str) -> Request:
        """Return a datagram with one word."""
        target, flow = tally.target, flow_of(tally, id_)
        as_new = len(target.wanted) > 1 or tally.until_silent  # an old flow stays with its backend, and open
        if as_new and not tally.keep_flows:
            tally.flows.renew(flow)
        source_port = tally.flows.port(flow)
        return Request("udp", id_, f"{target.address} {target.ports[word]} {source_port} {word}")

    def answer(self, tally: Tally, id_: str, answers: Answers) -> tuple[str | None, str | None]:
        """Read what nc wrote down, and renew the flow if that was nothing."""
        body, error = answer_of(tally, id_, answers)
        if error and not tally.blocked and not tally.keep_flows:
            tally.flows.renew(flow_of(tally, id_))
        return body, error


def flow_of(tally: Tally, id_: str) -> Flow:
    """Return the flow of a request, by its number in the round."""
    return (tally.scenario, tally.target.source, tally.target.address, id_.partition("-")[2])


def answer_of(tally: Tally, id_: str, answers: Answers) -> tuple[str | None, str | None]:
    """Return (what came back, None), or (None, why nothing did); an nc that cannot do it blocks the path."""
    text = answers.files.get(("udp", id_))
    if text is None:
        return None, "the probe printed no answer"
    body, _, code = text.rpartition("\nexit ")
    if code.strip() != "0" and any(word in body.lower() for word in NO_SUCH_OPTION):
        tally.blocked, tally.given_up = f"nc in the probe image cannot do it: {_first(body)}", True
        return None, tally.blocked
    if body.strip() and code.strip() == "0":
        return body, None
    return None, _first(body) or "no answer within 1 s"


def _first(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


UDP = Udp()
