"""Long-running commands, with a line of progress every now and then and their output in a log."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.errors import LabError

Progress = Callable[[str], None]

PROGRESS_EVERY = 15.0  # seconds


def run(
    what: str,
    command: Sequence[str],
    *,
    log: Path,
    seconds: float,
    progress: Progress,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Runs a command to its end; `what` names the work and `seconds` is how long it usually takes.

    Raises LabError with the command's last line when it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=cwd
        ) as process,
    ):
        try:
            while True:
                try:
                    status = process.wait(timeout=PROGRESS_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    progress(f"{what}: {time.monotonic() - started:.0f} s of about {seconds:.0f} s")
        except BaseException:
            process.terminate()
            raise
    if status != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {status}"
        raise LabError(f"{what} failed: {reason} (the whole output: {log})")
