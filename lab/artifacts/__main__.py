"""`python -m lab.artifacts [RELEASE] [--uml]`: fills the cache and says where everything is."""

import argparse
import sys

from lab.artifacts import ensure, missing
from lab.errors import LabError


def main() -> int:
    """Builds, fetches and packs; 1 with a line for each thing that is missing or failed."""
    parser = argparse.ArgumentParser(prog="python -m lab.artifacts", description=__doc__)
    parser.add_argument("release", nargs="?", default="1.36", help="of Kubernetes (default: %(default)s)")
    parser.add_argument("--uml", action="store_true", help="also what nodes with their own kernel run on")
    wanted = parser.parse_args()
    try:
        if lacking := missing(wanted.release, with_uml=wanted.uml):
            print(*lacking, sep="\n", file=sys.stderr)
            return 1
        found = ensure(wanted.release, lambda line: print(line, flush=True), with_uml=wanted.uml)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    print(*(f"{name}: {value}" for name, value in vars(found).items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
