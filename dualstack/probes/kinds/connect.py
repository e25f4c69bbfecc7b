"""A TCP connection, whoever accepts it: for addresses where no server of ours listens."""

from dualstack.family import bracketed
from dualstack.probes.kind import NAME, Kind, Port
from dualstack.probes.kinds.tcp import SYN_RESENT_SECONDS
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request


class Connect(Kind):
    """A connection is the answer; what is said over it (a TLS server's complaint) does not matter."""

    name = "connect"
    ports = {NAME: Port("any", 0)}  # noqa: RUF012

    def requests(self, tally: Tally, id_: str) -> list[Request]:
        """Return the round's connections."""
        url = f"http://{bracketed(str(tally.target.address))}:{tally.target.ports[NAME]}/"
        return [Request("http", f"{id_}-{n}", url) for n in range(tally.round_size)]

    def take(self, tally: Tally, id_: str, answers: Answers) -> bool:
        """Count the connections that came about."""
        came = [self._take_one(tally, f"{id_}-{n}", answers) for n in range(tally.round_size)]
        return any(came)

    def _take_one(self, tally: Tally, id_: str, answers: Answers) -> bool:
        tally.requests += 1
        report = answers.curl.get(id_)
        if report is None and answers.curl_trouble:
            tally.blocked, tally.given_up = f"curl in the probe image: {answers.curl_trouble}", True
            return False
        seconds = float((report or {}).get("time_connect") or 0)
        if not seconds:
            tally.error = str((report or {}).get("errormsg") or "the probe printed no answer")
            return False
        tally.replies += 1
        tally.connect_seconds = min(seconds, tally.connect_seconds or seconds)
        tally.lost_syns += seconds >= SYN_RESENT_SECONDS
        return True

    def in_a_round(self, names: int) -> int:
        """Count the one connection."""
        return 1


CONNECT = Connect()
