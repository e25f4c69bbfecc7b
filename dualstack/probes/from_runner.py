"""Probes from the machine that runs the suite: the only honest place to call an external address from."""

import errno
import http.client

from dualstack.family import Family
from dualstack.probes import script
from dualstack.probes.observation import RUNNER
from dualstack.probes.rounds import Blocked

CONNECT_SECONDS = 2.0
NO_WAY_OUT = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def execute(source: str, lines: list[str]) -> script.Answers:
    """The requests of probe.sh's `http` kind, made from here.

    Raises Blocked if this machine has no route in the family: that says nothing about the cluster.
    """
    assert source == RUNNER
    answers = script.Answers()
    for line in lines:
        _, request, url = line.split(" ", 2)
        answers.http[request] = _get(url)
    return answers


def _get(url: str) -> script.HttpAnswer:
    authority, _, path = url.removeprefix("http://").partition("/")
    host, _, port = authority.rpartition(":")
    host = host.strip("[]")
    connection = http.client.HTTPConnection(host, int(port), timeout=CONNECT_SECONDS)
    try:
        connection.request("GET", f"/{path}")
        response = connection.getresponse()
        body = response.read(1000).decode(errors="replace")
        return script.HttpAnswer(status=response.status, seconds=0.0, error=None, body=body)
    except OSError as error:
        if error.errno in NO_WAY_OUT:
            family = Family.V6 if ":" in host else Family.V4
            raise Blocked(
                f"the runner has no {family} route to {host} ({error.strerror})", final=True
            ) from None
        return script.HttpAnswer(
            0, 0.0, "timed out after 2 s" if isinstance(error, TimeoutError) else str(error)
        )
    except http.client.HTTPException as error:
        return script.HttpAnswer(0, 0.0, f"not HTTP: {error!r}")
    finally:
        connection.close()
