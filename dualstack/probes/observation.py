"""An observation: what one path did in one family, over all its tries."""

from pydantic import BaseModel, ConfigDict

from dualstack.family import Family, family_of

RUNNER = "runner"  # the source of probes from the machine that runs the suite


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

    @property
    def foreign_clients(self) -> list[str]:
        """Client addresses seen that are not of this family: proof that another one was on the wire."""
        seen = self.clients_seen
        return [each for each in seen if each == "unreadable" or family_of(each) is not self.family]
