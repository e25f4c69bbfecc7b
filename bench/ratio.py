"""How long the suite takes beside the cluster's own floor, in one run: `python -m bench.ratio [ROUNDS]`."""

import json
import os
import re
import statistics
import subprocess
import sys
import time

from tabulate import tabulate

import lab


def main(rounds: int) -> None:
    """Bring the lab up, measure both in turn, print medians and their ratio."""
    lab.up()
    config = lab.kubeconfig()
    floors, suites, waits = [], [], []
    for number in range(rounds):
        floor = json.loads(_run([sys.executable, "-m", "bench.floor", config]).splitlines()[-1])
        start = time.monotonic()
        output = _run([sys.executable, "-m", "pytest", f"--kubeconfig={config}"])
        suites.append(time.monotonic() - start)
        floors.append(floor["deleted"])
        waits.append(_convergence(output))
        print(f"round {number + 1}: floor {floors[-1]:.1f} s {floor}, suite {suites[-1]:.1f} s", flush=True)
    floor, suite = statistics.median(floors), statistics.median(suites)
    rows = [
        ["floor: ask, wait, probe once, delete", f"{floor:.1f}"],
        ["suite: the whole command, start to prompt", f"{suite:.1f}"],
        ["suite / floor", f"{suite / floor:.2f}"],
        ["Services converged, seconds after the start", f"{statistics.median(waits):.1f}"],
        ["load of the machine (1 minute, cores)", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()}"],
    ]
    print(tabulate(rows, ["median", "seconds"], disable_numparse=True))


def _run(command: list[str]) -> str:
    done = subprocess.run(lab.outside(command), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _convergence(output: str) -> float:
    found = re.search(r"([\d.]+) s  \d+ of \d+ ClusterIP", output)
    return float(found[1]) if found else float("nan")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
