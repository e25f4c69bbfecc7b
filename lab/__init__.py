"""A real dual-stack Kubernetes cluster on one Linux machine, made of network namespaces.

`python -m lab` is the way for people; tests in Python use the functions here:

    import lab

    plan = lab.up("nftables")  # nothing to do if it is up already; returns all addresses
    subprocess.run(lab.outside(["pytest", "--kubeconfig", lab.kubeconfig()]))
    with lab.fault("one-way"):
        ...
    lab.down()

All raise lab.errors.LabError, whose text is one line for people. What is behind them is imported when called,
so that `lab.paths` and `lab.artifacts` stay light.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.addresses import Plan


def up(variant: str = "default", nodes: int | None = None) -> Plan:
    """Bring a cluster up, unless the same one is; a different one is taken down first."""
    from lab import cluster

    return cluster.up(variant, nodes)


def down() -> list[str]:
    """Take the lab down, whatever state it is in; returns what was removed."""
    from lab import teardown

    return teardown.down()


def fault(name: str) -> AbstractContextManager[None]:
    """A fault that is in place for as long as the block runs."""
    from lab import faults

    return faults.fault(name)


def outside(command: list[str]) -> list[str]:
    """`command`, to be run in the network outside the cluster (`python -m lab outside`)."""
    from lab.vantage import command as wrapped

    return wrapped(command)


def inside(machine: str, command: list[str]) -> list[str]:
    """`command`, to be run inside a machine: node0, node1 …, cp, fabric (`python -m lab exec`)."""
    from lab.machine import Machine

    return Machine(machine).command(command)


def kubeconfig() -> str:
    """Path of the admin's kubeconfig, usable outside."""
    from lab.controlplane import ADMIN_KUBECONFIG

    return str(ADMIN_KUBECONFIG)


def kubectl() -> str:
    """Path of a kubectl of the cluster's own release."""
    from lab.addresses import FABRIC
    from lab.machine import Machine

    return str(Machine(FABRIC).folder / "bin/kubectl")
