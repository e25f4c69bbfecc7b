"""A node's health check of a Service with externalTrafficPolicy Local: 200 with a backend, 503 without."""

from http import HTTPStatus

from dualstack.family import bracketed
from dualstack.probes.kind import NAME, Kind, Port
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request


class Health(Kind):
    """A GET on the health check port; only 200 counts as an answer, any other status is the error."""

    name = "health"
    ports = {NAME: Port("any", 0)}  # noqa: RUF012

    def requests(self, tally: Tally, id_: str) -> list[Request]:
        """Return the round's requests."""
        url = f"http://{bracketed(str(tally.target.address))}:{tally.target.ports[NAME]}/healthz"
        return [Request("http", f"{id_}-{n}", url) for n in range(tally.round_size)]

    def take(self, tally: Tally, id_: str, answers: Answers) -> bool:
        """Count what said 200."""
        came = [self._take_one(tally, f"{id_}-{n}", answers) for n in range(tally.round_size)]
        return any(came)

    def _take_one(self, tally: Tally, id_: str, answers: Answers) -> bool:
        tally.requests += 1
        report = answers.curl.get(id_)
        if report is None and answers.curl_trouble:
            tally.blocked, tally.given_up = f"curl in the probe image: {answers.curl_trouble}", True
            return False
        status = int((report or {}).get("http_code") or 0)
        if status == HTTPStatus.OK:
            tally.replies += 1
            return True
        said = (report or {}).get("errormsg") or "the probe printed no answer"
        tally.error = f"HTTP status {status}" if status else str(said)
        return False

    def in_a_round(self, names: int) -> int:
        """Count the one request."""
        return 1


HEALTH = Health()
