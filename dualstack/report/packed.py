"""Behaviours whose findings are kept as compressed JSON and parsed anew whenever they are read.

A large cluster has a million findings: as objects they take 400 MB and more, packed 5 MB. Reading the same
behaviour's findings again and again costs nothing, going back and forth between behaviours does: views go
through them in order.
"""

import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import overload

from dualstack.report.model import BehaviourResult
from dualstack.verdict.finding import Finding

FASTEST = 1  # of zlib's levels; the others win little, since findings are much alike


class PackedFindings(Sequence[Finding]):
    """The findings of one behaviour, equal to a list of the same ones."""

    def __init__(self, count: int, packed: bytes) -> None:
        self._count = count
        self._packed = packed

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Finding]: ...
    def __getitem__(self, at: int | slice) -> Finding | Sequence[Finding]:
        return _unpacked(self._packed)[at]

    def __iter__(self) -> Iterator[Finding]:
        return iter(_unpacked(self._packed))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and list(self) == list(other)


def packed(content: bytes) -> BehaviourResult:
    """The behaviour whose JSON this is, checked and packed. Raises ValidationError."""
    result = BehaviourResult.model_validate_json(content)
    findings = PackedFindings(len(result.findings), zlib.compress(content, FASTEST))
    return result.model_copy(update={"findings": findings})


@lru_cache(maxsize=1)
def _unpacked(content: bytes) -> Sequence[Finding]:
    return BehaviourResult.model_validate_json(zlib.decompress(content)).findings
