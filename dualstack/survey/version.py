"""Kubernetes versions, compared by minor release."""

import re
from functools import total_ordering
from typing import Self


@total_ordering
class Release:
    """A minor release such as 1.36; patch and vendor suffixes are read and ignored."""

    def __init__(self, major: int, minor: int) -> None:
        self.major = major
        self.minor = minor

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `1.36`, `v1.36.3`, `v1.29.4-gke.100` or `1.27+`. Raises ValueError."""
        found = re.match(r"v?(\d+)\.(\d+)", text)
        if found is None:
            raise ValueError(f"{text!r} is not a Kubernetes version")
        return cls(int(found[1]), int(found[2]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Release) and (self.major, self.minor) == (other.major, other.minor)

    def __lt__(self, other: "Release") -> bool:
        return (self.major, self.minor) < (other.major, other.minor)

    def __hash__(self) -> int:
        return hash((self.major, self.minor))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"
