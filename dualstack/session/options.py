"""The command line: what a user may say, read once into one value."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from dualstack.places import AS_PYTEST, SUITE
from dualstack.report.model import PSEUDONYM_KEY
from dualstack.scenario.pairs import EVERY_PEER, FULL_MESH_UP_TO, PEERS_IN_LARGE_CLUSTERS

NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Options(BaseModel):
    """What the command line says, with defaults filled in."""

    model_config = ConfigDict(frozen=True)

    kubeconfig: Path | None
    context: str | None
    namespace: str | None
    """One that is there already; none is made."""
    profile: str
    timeouts: Path | None
    """A file of the site's own bounds of waiting."""
    expect: Path | None
    """A file of what this one cluster has promised."""
    read_only: bool
    plan_only: bool
    strict_support: bool
    image: str | None
    peers: int | None
    """Other nodes that each node probes; None for the default."""
    reports: Path
    time_limit: float | None
    """Seconds after which the run ends early."""
    waivers: Path | None
    baseline: Path | None
    gate_new: bool
    """Only what is new since the baseline fails the run."""
    pseudonyms: bool
    """Nothing that the run writes or prints holds a real name or address."""
    only: tuple[str, ...]
    """Ids of the behaviours to judge; all if empty."""
    partial: str | None
    """Why only a part of the suite was asked for."""


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("dualstack", "dual-stack conformance")
    group.addoption(
        "--kubeconfig", metavar="FILE", help="kubeconfig of the cluster; default: what kubectl would use"
    )
    group.addoption("--context", metavar="NAME", help="context in the kubeconfig; default: its current one")
    group.addoption(
        "--namespace", metavar="NAME", help="work in this namespace, which is there already, and make none"
    )
    group.addoption(
        "--profile", metavar="NAME|FILE|auto", default="kubernetes",
        help="what this kind of cluster promises: a built-in profile, a YAML file, or auto for the one that "
        "the survey speaks for; default: %(default)s",
    )  # fmt: skip
    group.addoption(
        "--timeouts", metavar="FILE", help="YAML file of bounds of waiting that differ from the profile's"
    )
    group.addoption(
        "--expect", metavar="FILE", help="YAML file of what this cluster has promised: ranges, pools, nodes"
    )
    group.addoption(
        "--plan", action="store_true", help="print what would be created, probed and asked; create nothing"
    )
    group.addoption(
        "--only", metavar="ID[,ID…]", help="judge these behaviours and create only what they need; see --plan"
    )
    group.addoption("--read-only", action="store_true", help="judge only what the API shows; create nothing")
    group.addoption(
        "--strict-support", action="store_true",
        help="exit with 1 also where a documented limit of support does not hold",
    )  # fmt: skip
    group.addoption(
        "--probe-image", metavar="IMAGE", help="agnhost image to use, e.g. from your own registry"
    )
    group.addoption(
        "--peers", metavar="N", type=int,
        help=f"nodes that each node probes and is probed by; default: all up to {FULL_MESH_UP_TO} nodes, "
        f"else {PEERS_IN_LARGE_CLUSTERS}",
    )  # fmt: skip
    group.addoption(
        "--full-mesh", action="store_true", help="every node probes every other, however many there are"
    )
    group.addoption(
        "--time-limit", metavar="SECONDS", type=float, help="end the run then, with clean-up and a report"
    )
    group.addoption(
        "--waivers", metavar="FILE", help="YAML file of what the site has agreed to live with, and until when"
    )
    group.addoption(
        "--baseline", metavar="REPORT.json", help="compare with an earlier report, or a run's folder"
    )
    group.addoption(
        "--gate", choices=["all", "new"], default="all",
        help="what makes the run fail: all that does not hold, or only what is new since --baseline",
    )  # fmt: skip
    group.addoption(
        "--pseudonyms", action="store_true",
        help="other names for nodes, namespaces and addresses in everything that the run writes and prints; "
        f"the same ones again with ${PSEUDONYM_KEY}",
    )  # fmt: skip
    group.addoption("--reports", metavar="DIR", default="reports", help="default: %(default)s")


def read(config: pytest.Config) -> Options:
    """The options of this run. Raises pytest.UsageError."""
    option = config.option
    if option.peers is not None and option.peers < 1:
        raise pytest.UsageError(f"--peers {option.peers}: must be at least 1")
    if option.peers is not None and option.full_mesh:
        raise pytest.UsageError("--full-mesh and --peers contradict each other: leave one out")
    if option.gate == "new" and not option.baseline:
        raise pytest.UsageError("--gate new needs --baseline REPORT.json: new since when?")
    if option.time_limit is not None and option.time_limit <= 0:
        raise pytest.UsageError(f"--time-limit {option.time_limit:g}: must be more than 0 seconds")
    if option.plan and getattr(option, "numprocesses", None):
        raise pytest.UsageError("--plan needs no workers: leave out -n")
    if option.pseudonyms and option.debug:
        raise pytest.UsageError("--debug writes real names into a file: leave it out, or --pseudonyms")
    if option.namespace is not None and not NAMESPACE.fullmatch(option.namespace):
        raise pytest.UsageError(f"--namespace {option.namespace}: no namespace can have this name")
    return Options(
        kubeconfig=Path(option.kubeconfig) if option.kubeconfig else None,
        context=option.context,
        namespace=option.namespace,
        profile=option.profile,
        timeouts=Path(option.timeouts) if option.timeouts else None,
        expect=Path(option.expect) if option.expect else None,
        read_only=option.read_only,
        plan_only=option.plan,
        strict_support=option.strict_support,
        image=option.probe_image,
        peers=EVERY_PEER if option.full_mesh else option.peers,
        reports=Path(option.reports),
        time_limit=option.time_limit,
        waivers=Path(option.waivers) if option.waivers else None,
        baseline=Path(option.baseline) if option.baseline else None,
        gate_new=option.gate == "new",
        pseudonyms=option.pseudonyms,
        only=ids(option.only),
        partial=_partial(config),
    )


def ids(text: str | None) -> tuple[str, ...]:
    """Return the ids of a comma-separated list, each once."""
    return tuple(dict.fromkeys(each.strip() for each in (text or "").split(",") if each.strip()))


def command(config: pytest.Config) -> list[str]:
    """The command line as it was typed."""
    words = list(config.invocation_params.args)
    if words[: len(AS_PYTEST)] == AS_PYTEST:
        return ["dualstack", "run", *words[len(AS_PYTEST) :]]
    return ["pytest", *words]


def _partial(config: pytest.Config) -> str | None:
    """Why this run judges only a part of the suite: such a run is never conformant."""
    if config.option.read_only:
        return "--read-only"
    for flag, value in (
        ("--only", config.option.only),
        ("-k", config.option.keyword),
        ("-m", config.option.markexpr),
        ("--deselect", config.option.deselect),
        ("--ignore", config.option.ignore),
        ("--ignore-glob", config.option.ignore_glob),
    ):
        if value:
            return f"{flag} {value if isinstance(value, str) else ' '.join(value)}"
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        paths = [(config.invocation_params.dir / arg.split("::")[0]).resolve() for arg in config.args]
        if not any(SUITE.is_relative_to(path) for path in paths):
            return " ".join(config.args)
    return None
