"""A node's health check of a Service with externalTrafficPolicy Local: 200 with a backend, 503 without."""

from http import HTTPStatus

from dualstack.family import bracketed
from dualstack.probes.kind import NAME, Port, TryKind
from dualstack.probes.kinds.connect import report_of
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request


class Health(TryKind):
    """A GET on the health check port; only 200 counts as an answer, any other status is the error."""

    name = "health"
    ports = {NAME: Port("any", 0)}  # noqa: RUF012

    def request(self, tally: Tally, id_: str) -> Request:
        """Return a GET."""
        url = f"http://{bracketed(str(tally.target.address))}:{tally.target.ports[NAME]}/healthz"
        return Request("http", id_, url)

    def succeeds(self, tally: Tally, id_: str, answers: Answers) -> bool:
        """Read the status."""
        report = report_of(tally, id_, answers)
        status = int(report.get("http_code") or 0)
        if status == HTTPStatus.OK:
            return True
        said = report.get("errormsg") or "the probe printed no answer"
        tally.error = f"HTTP status {status}" if status else str(said)
        return False


HEALTH = Health()
