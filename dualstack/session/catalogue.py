"""The suite's behaviours as they are declared beside their tests, without pytest."""

import difflib
import importlib.util
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from types import ModuleType

from dualstack.errors import UserError
from dualstack.places import SUITE
from dualstack.scenario.scenario import Scenario
from dualstack.verdict.behaviour import Behaviour

TOPICS = (
    "nodes", "addressing", "node-network", "pods", "pod-status", "pod-to-pod", "latency", "nodes-and-pods",
    "mtu", "kube-proxy", "services", "service-families", "service-ranges", "cluster-ip", "node-ports",
    "host-ports", "traffic-policies", "endpoints", "listening", "dns", "egress", "load-balancers",
    "load-balancer-policies", "load-balancer-options", "network-policies", "control-plane",
    "workloads", "site", "limits", "canary",
)  # fmt: skip
"""The order of the report: each topic rests on those before it; one that is not named here comes last."""


def load(path: Path) -> ModuleType:
    """A file of the suite as a module of its own, apart from what pytest collects."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def declared() -> list[Behaviour]:
    """Return every declared behaviour."""
    return [each for topic in behaviours().values() for each in topic]


def check(only: Iterable[str]) -> None:
    """Raise UserError for an id in --only that no behaviour has."""
    for id_ in only:
        if id_ not in (known := [each.id for each in declared()]):
            nearest = difflib.get_close_matches(id_, known, n=1, cutoff=0.0)[0]
            raise UserError(f"--only {id_}: no such behaviour; the nearest is {nearest}")


def needs() -> dict[str, tuple[type[Scenario], ...]]:
    """Return what each behaviour needs, by its id."""
    return {
        value.behaviour.id: value.needs
        for path in _files()
        for name, value in vars(load(path)).items()
        if name.startswith("test_")
    }


def scenarios() -> list[type[Scenario]]:
    """Return every scenario that some behaviour needs, each once."""
    return list(dict.fromkeys(chain.from_iterable(needs().values())))


def _files() -> list[Path]:
    return sorted(SUITE.glob("test_*.py"))


def behaviours() -> dict[str, list[Behaviour]]:
    """Every declared behaviour by topic (its file), in the files' order."""
    return {
        path.stem.removeprefix("test_").replace("_", "-"): [
            value.behaviour for name, value in vars(load(path)).items() if name.startswith("test_")
        ]
        for path in _files()
    }
