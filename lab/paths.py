"""Where the lab keeps what it writes: one folder, so that removing it removes everything."""

import os
from pathlib import Path


def _home() -> Path:
    if own := os.environ.get("DUALSTACK_LAB_HOME"):
        return Path(own).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "dualstack-lab"


HOME = _home()
CACHE = HOME / "cache"  # builds, packages, images: survives `down`
STATE = HOME / "state"  # the running cluster: keys, logs, disks; gone after `down`
