"""Faults: damage to a running cluster, as data. One YAML file each: on which machine, what to do and undo.

Steps are shell, run inside the machine with the cluster's addresses in the environment (NODE0_IPV6,
NODE2_PODS_IPV6, API_IPV4 …), and undone in reverse order. What is done is remembered until it is mended.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab import cluster
from lab.addresses import FABRIC, FAMILIES, Plan
from lab.errors import LabError
from lab.files import write
from lab.machine import PATH, Machine
from lab.paths import STATE
from lab.variants import first_problem, read_yaml

FOLDER = Path(__file__).parent / "faults"
_ACTIVE = STATE / "faults"


class Step(BaseModel):
    """Something done on one machine, on every node (`nodes`), or with kubectl (`api`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    on: str = Field(pattern=r"^(node\d+|nodes|cp|fabric)$")
    do: str
    undo: str


class Fault(BaseModel):
    """A fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    steps: tuple[Step, ...] = Field(min_length=1)


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
    write(_ACTIVE / name, "")
    for step in fault.steps:
        _apply(plan, step.on, step.do)


def undo(name: str) -> None:
    """Undo the damage. Raises LabError if it was not done."""
    fault, plan = load(name), cluster.current()
    if name not in active():
        raise LabError(f"fault {name!r} is not in place (in place: {', '.join(active()) or 'none'})")
    for step in reversed(fault.steps):
        _apply(plan, step.on, step.undo)
    (_ACTIVE / name).unlink()


@contextmanager
def fault(name: str) -> Iterator[None]:
    """The fault, in place for as long as the block runs."""
    do(name)
    try:
        yield
    finally:
        undo(name)


def _apply(plan: Plan, on: str, script: str) -> None:
    machines = [node.machine for node in plan.nodes] if on == "nodes" else [on]
    for machine in machines:
        if machine not in plan.machines:
            raise LabError(f"this cluster has no {machine} (it has {', '.join(plan.machines)})")
        Machine(machine).run(["env", f"PATH={PATH}", *_environment(plan), "sh", "-e"], text=script)


def _environment(plan: Plan) -> list[str]:
    found = {}
    for each in FAMILIES:
        found[f"API_{each.upper()}"] = plan.address("cp", each)
        found[f"FABRIC_{each.upper()}"] = plan.address(FABRIC, each)
        for node in plan.nodes:
            found[f"NODE{node.index}_{each.upper()}"] = node.addresses[each]
            if each in node.pods:
                found[f"NODE{node.index}_PODS_{each.upper()}"] = str(node.pods[each])
    found["BRIDGE"] = plan.variant.bridge
    return [f"{key}={value}" for key, value in found.items()]
