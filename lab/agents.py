"""Network agents: policy engines and network plugins that run on nodes as services, one YAML file each.

A variant names those of its nodes and says what differs from their files. Each agent has credentials and a
ClusterRole of its own, with no more than it needs. Templates know the node: {name}, {ipv6}, {kubeconfig},
{others_ipv6} (the pod ranges of all other nodes) …
"""

import posixpath
import shlex
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.data import first_problem, merge, read_yaml
from lab.errors import LabError

FOLDER = Path(__file__).parent / "agents"
GROUP = "network-agents"
"""The group of all agents, whom the audit log leaves out like the cluster's other components."""
NAMESPACE = "kube-system"
"""Where the ServiceAccounts of agents are that want one."""
_TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"


def _spelled(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Agent(BaseModel):
    """One agent: how it is built, started and permitted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    recipe: str
    """The folder in lab/modules that it is built from."""
    program: str
    arguments: dict[str, str | int | bool] = {}
    """Options of its command line, without the dashes."""
    environment: dict[str, str] = {}
    start: str = ""
    """Shell that runs before it: what an installer would do on the node."""
    ready: str
    """Shell that succeeds on a node once the agent has done its first work there."""
    in_cluster: bool = False
    """It reads no kubeconfig: it wants a ServiceAccount's token where pods have theirs."""
    rules: tuple[dict[str, list[str]], ...]
    """What its ClusterRole permits."""

    @classmethod
    def of(cls, name: str, differs: dict[str, Any], folder: Path = FOLDER) -> "Agent":
        """The agent of this name, with what differs from its file. Raises ValueError."""
        path = folder / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
            raise ValueError(f"no agent {name!r} (known: {known})")
        try:
            return cls.model_validate({"name": name, **merge(read_yaml(path), differs)})
        except LabError as error:
            raise ValueError(str(error)) from None
        except ValidationError as error:
            raise ValueError(f"{name}.{first_problem(error)}") from None

    def command(self, program: Path) -> list[str]:
        """Return its command line, templates not filled in."""
        return [str(program), *(f"--{name}={_spelled(value)}" for name, value in self.arguments.items())]

    def before(self, accounts: str) -> str:
        """Return shell that runs before it; `accounts` holds a folder for each ServiceAccount."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.environment.items()]
        if self.in_cluster:
            lines += [
                "export KUBERNETES_SERVICE_HOST={api_host} KUBERNETES_SERVICE_PORT={api_port}",
                f"mkdir -p {posixpath.dirname(_TOKENS)}",
                f"ln -sfn {accounts}/{self.name} {_TOKENS}",
            ]
        return "\n".join([*lines, *self.start.splitlines()])

    def role(self) -> list[dict[str, Any]]:
        """Return its ClusterRole, the binding to its user or ServiceAccount, and the latter."""
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": self._account}
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.name}
        subject = {"kind": "ServiceAccount", **self._account} if self.in_cluster else user
        return [*self._role(subject), *([account] if self.in_cluster else [])]

    @property
    def _account(self) -> dict[str, str]:
        return {"name": self.name, "namespace": NAMESPACE}

    def _role(self, subject: dict[str, str]) -> list[dict[str, Any]]:
        group = "rbac.authorization.k8s.io"
        metadata = {"name": self.name}
        reference = {"apiGroup": group, "kind": "ClusterRole", "name": self.name}
        return [
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRole",
                "metadata": metadata,
                "rules": list(self.rules),
            },
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": metadata,
                "roleRef": reference,
                "subjects": [subject],
            },
        ]
