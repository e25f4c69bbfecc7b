"""Find a cluster as kubectl would, and say in one line what is wrong when there is none."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from dualstack.cluster.api import Cluster
from dualstack.cluster.errors import ApiError
from dualstack.errors import UserError

IN_CLUSTER_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
CONNECTIONS = 64
UNAUTHORIZED = 401
NOTHING = (
    "no cluster to judge: give --kubeconfig FILE or set KUBECONFIG (there is no ~/.kube/config); "
    "`make demo` brings a real one up on this machine"
)


@dataclass(frozen=True)
class ServerVersion:
    """What the API server says of itself."""

    git_version: str


def connect(kubeconfig: Path | None, context: str | None) -> Cluster:
    """The cluster that kubectl would use: argument, $KUBECONFIG, ~/.kube/config, in-cluster.

    Raises UserError with one line. Sends nothing.
    """
    files = _files(kubeconfig)
    configuration = client.Configuration()
    if not files:
        if not IN_CLUSTER_TOKEN.exists():
            raise UserError(NOTHING)
        config.load_incluster_config(client_configuration=configuration)
        return _cluster(configuration, None)
    for file in files:
        _check_readable(file)
    joined = os.pathsep.join(map(str, files))
    name = _context(joined, context)
    try:
        config.load_kube_config(config_file=joined, context=name, client_configuration=configuration)
    except (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{joined}: context {name}: {' '.join(str(error).split())}") from None
    return _cluster(configuration, name)


def preflight(cluster: Cluster) -> ServerVersion:
    """Ask for the version: the first call, with short patience. Raises UserError with one line."""
    try:
        answer = cluster.request("GET", "/version", timeout=5, patient=False)
        return ServerVersion(git_version=answer["gitVersion"])
    except ApiError as error:
        raise UserError(_explain(cluster.server, error)) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{cluster.server} answers, but not as a Kubernetes API server does") from None


def _explain(server: str, error: ApiError) -> str:
    told = error.message
    if error.status == UNAUTHORIZED:
        return f"{server} does not know this user (401): is its token or certificate expired?"
    if error.forbidden:
        return f"{server} forbids even `get /version` to this user: {told}"
    if error.status:
        return f"{server} answers {error.status} to `get /version`: {told}"
    if "certificate" in told.lower():
        return (
            f"{server}: this kubeconfig does not trust its certificate: {told}; check certificate-authority"
        )
    if "refused" in told.lower():
        return f"{server}: connection refused; is the API server running, and is the address right?"
    if "resolve" in told.lower() or "name or service" in told.lower():
        return f"{server}: the name cannot be resolved: {told}"
    return f"{server} cannot be reached: {told}; is there a route or a VPN to it?"


def _files(kubeconfig: Path | None) -> list[Path]:
    if kubeconfig is not None:
        return [kubeconfig]
    if listed := os.environ.get("KUBECONFIG"):
        return [path for path in map(Path, listed.split(os.pathsep)) if path != Path() and path.exists()] or [
            Path(listed)
        ]
    usual = Path.home() / ".kube/config"
    return [usual] if usual.exists() else []


def _check_readable(file: Path) -> None:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: no such kubeconfig file") from None
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UserError(f"{file}: the kubeconfig cannot be read: {told}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{file}{where}: the kubeconfig is not valid YAML") from None
    if not isinstance(document, dict) or "clusters" not in document:
        raise UserError(f"{file}: this is not a kubeconfig: it names no clusters")


def _context(joined: str, wanted: str | None) -> str:
    """The context's name, checked; and its user's credential plugin, which must exist."""
    try:
        contexts, current = config.list_kube_config_contexts(config_file=joined)
    except (ConfigException, TypeError, KeyError, AttributeError) as error:
        if wanted is None:
            raise UserError(f"{joined}: no current context is set; choose one with --context") from None
        raise UserError(f"{joined}: {' '.join(str(error).split())}") from None
    names = sorted(each["name"] for each in contexts)
    if wanted is not None and wanted not in names:
        raise UserError(f"{joined}: there is no context {wanted!r}; there are: {', '.join(names)}")
    name: str = wanted or current["name"]
    chosen = next(each for each in contexts if each["name"] == name)
    _check_plugin(joined, chosen.get("context", {}).get("user"))
    return name


def _check_plugin(joined: str, user: str | None) -> None:
    """A missing credential plugin is only logged by the client, which then goes on as nobody."""
    for file in map(Path, joined.split(os.pathsep)):
        document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for each in document.get("users") or []:
            command = ((each.get("user") or {}).get("exec") or {}).get("command")
            if each.get("name") != user or not command:
                continue
            if shutil.which(command) is None and shutil.which(file.parent / command) is None:
                raise UserError(
                    f"{file}: user {user} needs the credential plugin {command!r}, which is not installed"
                )


def _cluster(configuration: client.Configuration, context: str | None) -> Cluster:
    configuration.connection_pool_maxsize = CONNECTIONS
    configuration.retries = False
    return Cluster(client.ApiClient(configuration), context)
