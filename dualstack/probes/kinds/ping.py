"""ICMP echo. A check of its own: where TCP passes and ping does not, somebody filters echo."""

from dualstack.probes.kind import TryKind
from dualstack.probes.rounds import Tally
from dualstack.probes.script import Answers, Request

COMMAND_NOT_FOUND, NOT_PERMITTED = 127, ("permission denied", "not permitted", "are you root")


class Ping(TryKind):
    """Echo requests, each by a process of its own: their order says nothing."""

    name = "ping"
    processes = True

    def request(self, tally: Tally, id_: str) -> Request:
        """Return an echo request."""
        return Request("ping", id_, str(tally.target.address))

    def succeeds(self, tally: Tally, id_: str, answers: Answers) -> bool:
        """Read ping's output; a pod that may not ping judges the pod, not the path."""
        text = answers.files.get(("ping", id_))
        if text is None:
            tally.error = "the probe printed no answer"
            return False
        lines = text.splitlines()
        code = int(lines[-1].removeprefix("exit ")) if lines[-1].startswith("exit ") else 1
        output = [line for line in lines[:-1] if line.strip()]
        if code == 0 and any("bytes from" in line for line in output):
            return True
        if code == COMMAND_NOT_FOUND or any(word in text.lower() for word in NOT_PERMITTED):
            last = output[-1] if output else "no output"
            tally.blocked, tally.given_up = f"the probe pod may not ping: {last}", True
            return False
        unreachable = next((line for line in output if "unreachable" in line.lower()), None)
        tally.error = unreachable or "no reply within 2 s"
        return False


PING = Ping()
