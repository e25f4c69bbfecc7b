"""The clusters to compare on: a healthy one, and some that break a promise of dual stack."""

from dataclasses import dataclass

from lab import faults, variants
from lab.errors import LabError
from lab.expect import Expect

HEALTHY = "healthy"
DAMAGED = (
    "replies-lost",
    "one-way",
    "half-reset",
    "udp-only",
    "proxy-ipv4-only",
    "nodeport-blocked",
    "fragments-dropped",
    "pmtu-blackhole",
    "dns-no-aaaa",
    "lb-silent",
)
"""Paths, protocols, node ports, sizes, names, load balancers; nothing that knows this suite's objects."""


@dataclass(frozen=True)
class Case:
    """A cluster and what is done to it."""

    name: str
    title: str
    variant: str
    fault: str | None
    expect: Expect


def load(name: str) -> Case:
    """Return `healthy`, or the lab's fault or variant of this name. Raises LabError."""
    if name == HEALTHY:
        return Case(name, "nothing", "default", None, Expect())
    if name in faults.names():
        fault = faults.load(name)
        return _damaged(name, fault.title, fault.expect, fault=name)
    if name in variants.names():
        return _damaged(name, variants.load(name).title, variants.expectation(name))
    raise LabError(f"no case {name!r}: give `{HEALTHY}`, or a fault or variant of `python -m lab list`")


def _damaged(name: str, title: str, expect: Expect | None, fault: str | None = None) -> Case:
    if expect is None:
        raise LabError(f"case {name}: its file must say what breaks (`expect:`)")
    return Case(name, title, expect.variant if fault else name, fault, expect)
