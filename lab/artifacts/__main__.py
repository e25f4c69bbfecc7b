"""`python -m lab.artifacts [RELEASE]`: fills the cache and says where everything is."""

import sys

from lab.artifacts import ensure, missing
from lab.errors import LabError


def main() -> int:
    """Builds, fetches and packs; 1 with a line for each thing that is missing or failed."""
    release = sys.argv[1] if len(sys.argv) > 1 else "1.36"
    try:
        if lacking := missing(release):
            print(*lacking, sep="\n", file=sys.stderr)
            return 1
        found = ensure(release, lambda line: print(line, flush=True))
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    print(*(f"{name}: {value}" for name, value in vars(found).items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
