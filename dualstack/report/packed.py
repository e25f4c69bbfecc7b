"""Findings kept as compressed JSON, parsed and checked anew whenever they are read.

A large cluster has a million of them: as objects they take 400 MB and more, packed 10 MB. Reading those of
one behaviour again and again costs nothing, going back and forth between behaviours does: views go through
them in order, once.
"""

import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import overload

from pydantic import TypeAdapter, ValidationError

from dualstack.errors import UserError
from dualstack.verdict.finding import Finding

FINDINGS = TypeAdapter(list[Finding])
FASTEST = 1  # of zlib's levels; the others win little, since findings are much alike


class PackedFindings(Sequence[Finding]):
    """The findings of one behaviour, equal to a list of them. Reading raises UserError if one is none."""

    def __init__(self, content: bytes, where: str) -> None:
        """`content` is a JSON array; `where` it comes from is for the error."""
        self._packed = zlib.compress(content, FASTEST)
        self._where = where

    def __len__(self) -> int:
        return len(self._read())

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> list[Finding]: ...
    def __getitem__(self, at: int | slice) -> Finding | list[Finding]:
        return self._read()[at]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._read())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._read() == list(other)

    def _read(self) -> list[Finding]:
        try:
            return _unpacked(self._packed)
        except ValidationError as error:
            raise UserError(f"{self._where}: {first_trouble(error)}") from None


def first_trouble(error: ValidationError) -> str:
    """Where it is, and what."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> list[Finding]:
    return FINDINGS.validate_json(zlib.decompress(packed))
