"""Network agents: policy engines and network plugins that run on nodes as services, one YAML file each.

A variant names those of its nodes and says what differs from their files. Each agent has credentials and a
ClusterRole of its own, with no more than it needs. Templates know the node: {name}, {kubeconfig} …
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.data import first_problem, merge, read_yaml
from lab.errors import LabError

FOLDER = Path(__file__).parent / "agents"
GROUP = "network-agents"
"""The group of all agents, whom the audit log leaves out like the cluster's other components."""


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
    ready: str
    """Shell that succeeds on a node once the agent has done its first work there."""
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

    def role(self) -> list[dict[str, Any]]:
        """Return its ClusterRole, and the binding to its user."""
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
                "subjects": [{"apiGroup": group, "kind": "User", "name": self.name}],
            },
        ]
