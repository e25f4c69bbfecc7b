"""HTTP over TCP: the primary probe of reachability."""

from dualstack.family import bracketed
from dualstack.probes.kind import CLIENT, NAME, Port, ServerKind
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request

PATHS = {NAME: "hostname", CLIENT: "whoami"}  # as agnhost's servers know them
SYN_RESENT_SECONDS = 0.95
"""A first SYN that gets no answer is sent again after a second (RFC 6298): so late a connection lost one."""


class Tcp(ServerKind):
    """A GET on a literal address, by curl in the pod or by the runner itself."""

    name = "tcp"
    ports = {NAME: Port("tcp-name", 8080), CLIENT: Port("tcp-client", 8082)}  # noqa: RUF012

    def request(self, tally: Tally, id_: str, word: str) -> Request:
        """Return a GET: each word has a port of its own."""
        host = bracketed(str(tally.target.address))
        return Request("http", id_, f"http://{host}:{tally.target.ports[word]}/{PATHS[word]}")

    def answer(self, tally: Tally, id_: str, answers: Answers) -> tuple[str | None, str | None]:
        """Read curl's report; the fastest connection is noted, and those that lost a SYN are counted."""
        report = answers.curl.get(id_)
        if report is None and answers.curl_trouble:
            tally.blocked, tally.given_up = f"curl in the probe image: {answers.curl_trouble}", True
            return None, tally.blocked
        if report is None:
            return None, "the probe printed no answer"
        if code := report.get("exitcode", 0):
            return None, str(report.get("errormsg") or f"curl exit {code}")
        status = int(report.get("http_code") or report.get("response_code") or 0)
        if status != 200:
            return None, f"HTTP status {status}"
        seconds = float(report.get("time_connect") or 0)
        tally.connect_seconds = min(seconds, tally.connect_seconds or seconds)
        tally.lost_syns += seconds >= SYN_RESENT_SECONDS
        return answers.files.get(("body", id_), ""), None


TCP = Tcp()
