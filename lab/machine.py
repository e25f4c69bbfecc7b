"""A machine: a set of namespaces (network, mount, UTS, IPC, process, control group) with services in it.

The control plane, the nodes and the world outside are all machines. Its folder below STATE/machines holds
what it sees as /etc (laid over the host's), as /var, and its services: shell scripts that end in `exec`.
Inside, everything of the lab is below /run/lab, wherever the host keeps it.
"""

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import cgroups, namespaces
from lab.artifacts import Artifacts
from lab.commands import output
from lab.errors import LabError
from lab.files import write
from lab.paths import STATE

INSIDE = Path("/run/lab/machine")  # the machine's folder, as the machine sees it
BIN = Path("/run/lab/bin")  # Kubernetes' binaries
AGENTS = Path("/run/lab/agents")  # what network agents are built of, a folder for each recipe
PATH = "/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KERNEL = "kernel"  # the service of machines with a kernel of their own (see lab.own_kernel)
_GUEST = Path(__file__).parent / "guest"


@dataclass(frozen=True)
class Machine:
    """One machine, on or off, addressed by name."""

    name: str

    @property
    def folder(self) -> Path:
        """Its folder on the host."""
        return STATE / "machines" / self.name

    def log(self, component: str) -> Path:
        """The log file of one of its services, on the host."""
        return self.folder / "logs" / f"{component}.log"

    @property
    def services(self) -> list[str]:
        """Names of its services."""
        return sorted(path.name for path in (self.folder / "services").glob("*"))

    def add_service(self, name: str, command: list[str], before: str = "") -> None:
        """Define a service; `before` is shell that runs first."""
        write(self.folder / "services" / name, f"{before}\nexec {shlex.join(command)}\n")

    def prepare(self, artifacts: Artifacts, hostname: str, resolver: str) -> None:
        """Lay out the folder; whatever else belongs below etc/ and var/ is put there before `power_on`."""
        for part in ("run", "logs", "services", "etc", "var/lib", "var/log", "var/tmp", "var/cache"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "var/run").symlink_to("/run")
        write(self.folder / "usr", ":".join(str(path) for path in (*artifacts.layers, artifacts.usr)))
        (self.folder / "bin").symlink_to(artifacts.bin)
        write(self.folder / "images", "".join(f"{path}\n" for path in artifacts.images))
        write(self.folder / "hostname", f"{hostname}\n")
        write(self.folder / "etc/hostname", f"{hostname}\n")
        machine_id = uuid.uuid5(uuid.NAMESPACE_DNS, hostname).hex
        write(self.folder / "etc/machine-id", f"{machine_id}\n")
        write(self.folder / "etc/hosts", f"127.0.0.1 localhost {hostname}\n::1 localhost {hostname}\n")
        write(self.folder / "etc/resolv.conf", f"nameserver {resolver}\n")
        for script in sorted(_GUEST.glob("*.sh")):
            write(self.folder / script.name, script.read_text(), 0o755)

    def lend(self, place: Path, name: str, target: Path) -> None:
        """Show a folder of the host, read-only, as `name` in a folder right below /run/lab."""
        folder = self.folder / "lent" / place.name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)

    @property
    def has_own_kernel(self) -> bool:
        """Whether its services run under a kernel of their own, in the machine."""
        return KERNEL in self.services

    def power_on(self) -> None:
        """Start its pid 1 and wait until its file system stands, and under its own kernel too if it has one.

        Control group and network exist already.
        """
        command = ["nsenter", f"--net={namespaces.path(self.name)}", "setsid", "--fork", "unshare"]
        command += ["--mount", "--uts", "--ipc", "--pid", "--cgroup", "--fork", "--kill-child"]
        command += ["--propagation=private", "sh", str(self.folder / "init.sh"), str(self.folder)]
        with self.log("init").open("ab") as log:
            joined = cgroups.joining(self.name, command)
            subprocess.run(joined, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", check=False)
        self._wait(self._stands, 10, lambda: bool(cgroups.processes(self.name)), "init")
        if self.has_own_kernel:
            self.service("start", KERNEL)
            listens = (self.folder / "calls/ready").exists
            self._wait(listens, 60, lambda: self.runs(KERNEL), KERNEL)

    def _wait(self, ready: Callable[[], bool], seconds: float, lives: Callable[[], bool], log: str) -> None:
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end or not lives():
                said = " ".join(self.log(log).read_text(errors="replace").split())[-300:]
                raise LabError(f"{self.name} does not start: {said or 'no message'} ({self.log(log)})")
            time.sleep(0.02)

    def _stands(self) -> bool:
        pid = cgroups.init_of(self.name)
        return pid is not None and Path(f"/proc/{pid}/root/run/lab/ready").exists()

    @property
    def is_on(self) -> bool:
        """Whether its pid 1 lives."""
        return cgroups.init_of(self.name) is not None

    def _file(self, path: str) -> Path:
        """A path in the machine's own view, as the host reaches it. Raises LabError if the machine is off."""
        return Path(f"/proc/{self._init()}/root{path}")

    def _init(self) -> int:
        pid = cgroups.init_of(self.name)
        if pid is None:
            raise LabError(f"{self.name} is off: see `python -m lab status`")
        return pid

    def command(self, command: list[str]) -> list[str]:
        """`command`, to be run inside the machine: its control groups first, then all its namespaces.

        Under its own kernel if it has one: without a terminal then, and with the output at the end.
        """
        if self.has_own_kernel:
            command = ["sh", str(INSIDE / "call.sh"), shlex.join(command)]
        return self._in_namespaces(command)

    def _in_namespaces(self, command: list[str]) -> list[str]:
        enter = ["nsenter", f"--target={self._init()}"]
        enter += ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        return cgroups.joining(self.name, [*enter, "env", f"PATH={PATH}", *command])

    def run(self, command: list[str], *, text: str = "") -> str:
        """Run a command inside the machine and return its output. Raises LabError."""
        return output(self.name, command, self.command(command), text=text)

    def succeeds(self, command: list[str]) -> bool:
        """Whether a command can be run inside the machine and its exit status is 0."""
        try:
            self.run(command)
        except LabError:
            return False
        return True

    def replace_me(self, command: list[str]) -> None:
        """Become `command` inside the machine; never returns."""
        words = self.command(command)
        os.execvp(words[0], words)  # noqa: S606  # becoming it is the point

    def service(self, action: str, name: str) -> None:
        """Start, stop or kill a service."""
        command = ["sh", str(INSIDE / "service.sh"), action, name]
        output(self.name, command, self._in_namespaces(command) if name == KERNEL else self.command(command))

    def runs(self, service: str) -> bool:
        """Whether a service's process lives."""
        if self.has_own_kernel and service != KERNEL:
            return self.succeeds(["sh", str(INSIDE / "service.sh"), "check", service])
        try:
            inside = int(self._file(f"/run/lab/{service}.pid").read_text())
            return self._file(f"/proc/{inside}").exists()
        except (OSError, ValueError, LabError):
            return False

    def has(self, path: str) -> bool:
        """Whether there is a file at a path inside the machine."""
        if self.has_own_kernel:
            return self.succeeds(["test", "-e", path])
        return self._file(path).exists()

    def last_words(self, service: str) -> str:
        """The last line of a service's log: what it died of, mostly."""
        try:
            lines = self.log(service).read_text(errors="replace").split("\n")
        except OSError:
            return "no log"
        return next((line for line in reversed(lines) if line.strip()), "empty log")[-300:]
