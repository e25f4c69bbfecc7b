"""Where the suite's own files lie: the checkout's root, or the folder inside an installed package."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITE = ROOT / "tests"
MANIFESTS = ROOT / "manifests"
PROFILES = ROOT / "profiles"
