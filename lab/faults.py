"""Faults: damage to a running cluster, as data. One YAML file each: on which machine, what to do and undo.

Steps are shell, run inside the machine with the cluster's addresses in the environment (NODE0_IPV6,
NODE2_PODS_IPV6, API_IPV4 …), or `outside` where kubectl is at hand, and undone in reverse order. What runs
`meanwhile` does so for as long as the fault is in place. What is done is remembered until it is mended.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lab import cluster, vantage
from lab.addresses import FABRIC, FAMILIES, Plan
from lab.data import first_problem, read_yaml
from lab.errors import LabError
from lab.expect import Expect
from lab.files import write
from lab.machine import Machine
from lab.paths import STATE

FOLDER = Path(__file__).parent / "faults"
OUTSIDE = "outside"  # no machine: where clients are, with kubectl (see lab.vantage)
_ACTIVE = STATE / "faults"


class Step(BaseModel):
    """Shell to do and undo outside, on one machine, all nodes or the last; or an nftables table's chains."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    on: str = Field(pattern=r"^(node\d+|nodes|last|cp|fabric|outside)$")
    do: str = ""
    undo: str = ""
    nft: str = ""
    meanwhile: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [bool(self.do and self.undo), bool(self.nft), bool(self.meanwhile)]
        if kinds.count(True) != 1 or bool(self.do) != bool(self.undo):
            raise ValueError("a step has either `do` and `undo`, or `nft`, or `meanwhile`")
        if self.nft and self.on == OUTSIDE:
            raise ValueError("`nft` is for machines; outside is `fabric`")
        return self

    def script(self, table: str, *, undo: bool) -> str:
        """What is to be run."""
        if not self.nft:
            return self.undo if undo else self.do
        if undo:
            return f"nft delete table inet {table}"
        return f"nft -f - <<END\ntable inet {table} {{\n{self.nft}}}\nEND\n"


class Fault(BaseModel):
    """A fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    steps: tuple[Step, ...] = Field(min_length=1)
    expect: Expect | None = None


def names() -> list[str]:
    """All faults, by name."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str, folder: Path = FOLDER) -> Fault:
    """The fault of this name. Raises LabError."""
    path = folder / f"{name}.yaml"
    if not path.is_file():
        raise LabError(f"no fault {name!r} (known: {', '.join(names())})")
    try:
        return Fault.model_validate(read_yaml(path))
    except ValidationError as error:
        raise LabError(f"{path}: {first_problem(error)}") from None


def active() -> list[str]:
    """Faults that have been done and not undone."""
    return sorted(path.name for path in _ACTIVE.glob("*"))


def do(name: str) -> None:
    """Do the damage. A fault that is in place already is left alone."""
    fault, plan = load(name), cluster.current()
    if name in active():
        return
    targets = [(step, _machines(plan, step.on)) for step in fault.steps]
    write(_ACTIVE / name, "")
    for step, machines in targets:
        if step.meanwhile:
            pids = [_begin(plan, machine, step.meanwhile) for machine in machines]
            write(_ACTIVE / name, (_ACTIVE / name).read_text() + "".join(f"{pid}\n" for pid in pids))
        else:
            _apply(plan, machines, step.script(f"fault-{name}", undo=False))


def undo(name: str) -> None:
    """Undo the damage. Raises LabError if it was not done."""
    fault, plan = load(name), cluster.current()
    if name not in active():
        raise LabError(f"fault {name!r} is not in place (in place: {', '.join(active()) or 'none'})")
    for pid in map(int, (_ACTIVE / name).read_text().split()):
        _end(pid)
    for step in reversed([each for each in fault.steps if not each.meanwhile]):
        _apply(plan, _machines(plan, step.on), step.script(f"fault-{name}", undo=True))
    (_ACTIVE / name).unlink()


@contextmanager
def fault(name: str) -> Iterator[None]:
    """The fault, in place for as long as the block runs."""
    do(name)
    try:
        yield
    finally:
        undo(name)


def _machines(plan: Plan, on: str) -> list[str]:
    if on == "nodes":
        return [node.machine for node in plan.nodes]
    machine = plan.nodes[-1].machine if on == "last" else on
    if machine not in (*plan.machines, OUTSIDE):
        raise LabError(f"this cluster has no {machine} (it has {', '.join(plan.machines)})")
    return [machine]


def _begin(plan: Plan, machine: str, script: str) -> int:
    """Start a script that goes on, in a process group of its own, and return its process id."""
    words = ["sh", "-c", _exports(plan) + script]
    full = vantage.command(words) if machine == OUTSIDE else Machine(machine).command(words)
    started = subprocess.Popen(
        full, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env=vantage.environment() if machine == OUTSIDE else None,
    )  # fmt: skip
    started.returncode = 0  # `_end` waits for it, by its id: Popen must not complain that it still runs
    return started.pid


def _end(pid: int) -> None:
    """End a script's process group; its machine may have ended it before."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _exports(plan: Plan) -> str:
    return "".join(f"export {key}='{value}'\n" for key, value in _environment(plan).items())


def _apply(plan: Plan, machines: list[str], script: str) -> None:
    words = _exports(plan)
    for machine in machines:
        if machine == OUTSIDE:
            vantage.run(["sh", "-e"], text=words + script)
        else:
            Machine(machine).run(["sh", "-e"], text=words + script)


def _environment(plan: Plan) -> dict[str, str]:
    found = {}
    for each in FAMILIES:
        found[f"API_{each.upper()}"] = plan.address("cp", each)
        found[f"FABRIC_{each.upper()}"] = plan.address(FABRIC, each)
        for node in plan.nodes:
            found[f"NODE{node.index}_{each.upper()}"] = node.addresses[each]
            if each in node.pods:
                found[f"NODE{node.index}_PODS_{each.upper()}"] = str(node.pods[each])
        found[f"LAST_{each.upper()}"] = plan.nodes[-1].addresses[each]
    found["BRIDGE"] = plan.variant.bridge
    found["SERVICE"] = "/run/lab/machine/service.sh"
    return found
