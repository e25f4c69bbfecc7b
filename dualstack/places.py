"""Where the suite's own files lie: the checkout's root, or the folder that a wheel carries them in."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CARRIED = PACKAGE / "_suite"  # in a wheel only: see pyproject.toml
ROOT = CARRIED if CARRIED.is_dir() else PACKAGE.parent
SUITE = ROOT / "tests"
MANIFESTS = ROOT / "manifests"
PROFILES = ROOT / "profiles"
AS_PYTEST = [f"--config-file={ROOT / 'pytest.ini'}", str(SUITE)]
"""What `dualstack run` puts before what the user typed: the suite's own files, from any folder."""
