"""An observation: what one path did in one family, over all its tries."""

from pydantic import BaseModel, ConfigDict

from dualstack.family import Family, family_of

RUNNER = "runner"  # the source of probes from the machine that runs the suite


class Burst(BaseModel):
    """Tries made at once after a path had answered; all of them count."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tries: int
    answered: int
    """By whom it should have been."""
    error: str | None = None
    """The last error, in the tool's own words."""
    at_source: bool = False
    """In the same round most tries of the same source failed, whatever they asked."""

    @property
    def failed(self) -> int:
        """How many tries did not bring the right answer."""
        return self.tries - self.answered

    @property
    def doubtful(self) -> bool:
        """Whether what failed may be the doing of a busy machine rather than of the path."""
        return self.failed == 1 or (self.failed > 0 and self.at_source)

    def __str__(self) -> str:
        return f"{self.answered} of {self.tries}"


class Observation(BaseModel):
    """Facts only; tests judge them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: str
    """The kind of request: tcp, udp, ping."""
    source: str
    """Node that the probe pod runs on, or RUNNER."""
    target: str
    """Node of the server pod, or name of the Service."""
    family: Family
    source_address: str | None = None
    """The source pod's own address of the family, as the API has it."""
    address: str | None = None
    port: int | None = None
    reached: bool = False
    """Everything that was asked for has answered: the right server, or every backend."""
    silent: bool = False
    """In the last round nothing answered: what a probe waits for that expects silence."""
    rounds: int = 0
    """How often it was tried until then; more than one means that it took time to converge."""
    seconds: float | None = None
    """From the start of probing (for Services: from asking for them) until it was reached, or silent."""
    connect_seconds: float | None = None
    """The fastest connection's set-up, or None."""
    bursts: tuple[Burst, ...] = ()
    """One after it was reached, and a second if the first is `doubtful`."""
    strangers: dict[str, int] = {}
    """Who else answered in the bursts, with the number of answers."""
    lost_syns: int = 0
    """Connections that came about only after a SYN had been sent again."""
    requests: int = 0
    answered: int = 0
    answered_by: dict[str, int] = {}
    """Server pods by name, with the number of their answers."""
    missing: tuple[str, ...] = ()
    """Servers that should have answered and did not."""
    clients_seen: dict[str, int] = {}
    """Source addresses that servers saw, with the number of times."""
    error: str | None = None
    """The last error of the last round, in the tool's own words."""
    blocked: str | None = None
    """Why it could not be tried at all (no pod to try from, exec forbidden): that judges nothing."""
    not_promised: bool = False
    """It was not tried since nothing is promised there; `blocked` says why."""

    @property
    def flaw(self) -> str | None:
        """Why a path that was reached is not to be relied upon; None if it is.

        What may be a busy machine's doing counts only if the second burst has a failure too.
        """
        if self.strangers:
            names = ", ".join(f"{name} ({count})" for name, count in self.strangers.items())
            return f"{self.address} is also answered by a stranger: {names}"
        first_failed = [burst for burst in self.bursts if burst.failed]
        if not first_failed or (self.bursts[0].doubtful and not self.bursts[-1].failed):
            return None
        return f"only {self.counted} tries were answered once it had converged: {first_failed[-1].error}"

    @property
    def counted(self) -> str:
        """The tries that count, e.g. `10 of 10`, or `9 of 10, then 10 of 10`."""
        return ", then ".join(map(str, self.bursts))

    @property
    def foreign_clients(self) -> list[str]:
        """Client addresses seen that are not of this family: proof that another one was on the wire."""
        seen = self.clients_seen
        return [each for each in seen if each == "unreadable" or family_of(each) is not self.family]
