"""A TCP connection, whoever accepts it: for addresses where no server of ours listens."""

from typing import Any

from dualstack.family import bracketed
from dualstack.probes.kind import NAME, Port, TryKind
from dualstack.probes.kinds.tcp import SYN_RESENT_SECONDS
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request


class Connect(TryKind):
    """A connection is the answer; what is said over it (a TLS server's complaint) does not matter."""

    name = "connect"
    ports = {NAME: Port("any", 0)}  # noqa: RUF012

    def request(self, tally: Tally, id_: str) -> Request:
        """Return a GET: a connection comes first."""
        url = f"http://{bracketed(str(tally.target.address))}:{tally.target.ports[NAME]}/"
        return Request("http", id_, url)

    def succeeds(self, tally: Tally, id_: str, answers: Answers) -> bool:
        """Read curl's report: it tells how long the connection took, if it came about."""
        report = report_of(tally, id_, answers)
        seconds = float(report.get("time_connect") or 0)
        if not seconds:
            tally.error = str(report.get("errormsg") or "the probe printed no answer")
            return False
        tally.connect_seconds = min(seconds, tally.connect_seconds or seconds)
        tally.lost_syns += seconds >= SYN_RESENT_SECONDS
        return True


def report_of(tally: Tally, id_: str, answers: Answers) -> dict[str, Any]:
    """Return curl's report, empty without one; a curl that cannot do it blocks the path."""
    report = answers.curl.get(id_)
    if report is None and answers.curl_trouble:
        tally.blocked, tally.given_up = f"curl in the probe image: {answers.curl_trouble}", True
    return report or {}


CONNECT = Connect()
