"""How all parts of a profile are read: strictly, with keys that are written with dashes."""

from pydantic import ConfigDict


def _kebab(name: str) -> str:
    return name.replace("_", "-")


PART = ConfigDict(
    extra="forbid", frozen=True, strict=True, alias_generator=_kebab, use_attribute_docstrings=True
)
