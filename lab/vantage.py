"""Outside the cluster: the network namespace `fabric`, with this machine's files and a resolver of its own.

A program run here reaches node ports and load balancer addresses the way a client of the cluster does.
"""

import os

from lab import cgroups, namespaces
from lab.addresses import FABRIC
from lab.cluster import RESOLV_CONF
from lab.commands import output
from lab.controlplane import ADMIN_KUBECONFIG
from lab.machine import Machine

_BIND = 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"'


def command(words: list[str]) -> list[str]:
    """`words`, to be run outside; each program becomes the next, so signals and status pass through."""
    enter = ["nsenter", f"--net={namespaces.path(FABRIC)}", "unshare", "--mount", "--propagation=slave"]
    return cgroups.joining(FABRIC, [*enter, "sh", "-ec", _BIND, "sh", str(RESOLV_CONF), *words])


def environment() -> dict[str, str]:
    """The environment as it is, with kubectl at hand and told where the cluster is."""
    path = f"{os.environ.get('PATH', os.defpath)}:{Machine(FABRIC).folder / 'bin'}"
    return {**os.environ, "PATH": path, "KUBECONFIG": str(ADMIN_KUBECONFIG)}


def run(words: list[str], *, text: str) -> None:
    """Run a command outside, with `text` as its input. Raises LabError."""
    output("outside", words, command(words), text=text, env=environment())


def replace_me(words: list[str]) -> None:
    """Become `words` outside; never returns."""
    full = command(words)
    os.execvpe(full[0], full, environment())  # noqa: S606  # becoming it is the point
