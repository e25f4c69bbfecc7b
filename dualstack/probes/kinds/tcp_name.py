"""HTTP over TCP where only the port that tells the server's name is open."""

from dualstack.probes.kind import NAME
from dualstack.probes.kinds.tcp import Tcp
from dualstack.probes.rounds import Tally


class TcpName(Tcp):
    """A GET that asks for the server's name and for nothing else."""

    name = "tcp-name"

    def words(self, tally: Tally) -> list[str]:
        """Return as many questions for the name as the round has."""
        return [NAME] * tally.round_size

    def in_a_round(self, names: int) -> int:
        """Count the names."""
        return names


TCP_NAME = TcpName()
