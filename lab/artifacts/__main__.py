"""`python -m lab.artifacts [RELEASE] [--uml] [--extra RECIPE]`: fills the cache, says where all is."""

import argparse
import sys
from functools import partial

from lab.artifacts import ensure, missing
from lab.errors import LabError


def main() -> int:
    """Builds, fetches and packs; 1 with a line for each thing that is missing or failed."""
    parser = argparse.ArgumentParser(prog="python -m lab.artifacts", description=__doc__)
    parser.add_argument("release", nargs="?", default="1.36", help="of Kubernetes (default: %(default)s)")
    parser.add_argument("--uml", action="store_true", help="also what nodes with their own kernel run on")
    parser.add_argument(
        "--extra", action="append", default=[], metavar="RECIPE", help="also what this recipe builds"
    )
    wanted = parser.parse_args()
    try:
        if lacking := missing(wanted.release, with_uml=wanted.uml, extras=wanted.extra):
            print(*lacking, sep="\n", file=sys.stderr)
            return 1
        say = partial(print, flush=True)
        found = ensure(wanted.release, say, with_uml=wanted.uml, extras=wanted.extra)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    print(*(f"{name}: {value}" for name, value in vars(found).items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
