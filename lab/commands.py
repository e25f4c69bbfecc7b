"""Running a command somewhere in the lab, and saying in one line what went wrong."""

import shlex
import subprocess
from collections.abc import Mapping

from lab.errors import LabError


def output(
    place: str, command: list[str], full: list[str], *, text: str = "", env: Mapping[str, str] | None = None
) -> str:
    """What `full`, which runs `command` in `place`, prints; `text` is its input. Raises LabError."""
    done = subprocess.run(full, input=text, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-400:]
        raise LabError(f"{place}: `{shlex.join(command)[:120]}` failed ({done.returncode}): {said}")
    return done.stdout
