"""What a site adds to the acceptance sheet: its own checks, made by people, and who signs.

A check with a verdict says who made it and when; one without is printed empty, to be filled in by hand.
"""

from datetime import date
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dualstack import yaml_file
from dualstack.family import Family
from dualstack.verdict.words import Level, Verdict, worst


class Part(BaseModel):
    """A piece of the file: no unknown keys, keys with dashes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class Check(Part):
    """A requirement that a person judges."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Lower case, digits and dashes, unlike any behaviour's of the suite."""
    level: Level = Level.MUST
    claim: str
    """One sentence in the present tense."""
    verdict: Verdict | dict[Family, Verdict] | None = None
    """One word, or one for each family; left out: not judged yet."""
    by: str | None = None
    """Who judged."""
    on: date | None = None
    """When, as YYYY-MM-DD."""
    evidence: str | None = None
    """Where the proof is: a ticket, a file, a URL."""
    remark: str | None = None
    """Why, for every verdict but `conforms`."""

    @property
    def families(self) -> dict[Family, Verdict]:
        """The verdict by family, where the file tells them apart."""
        return self.verdict if isinstance(self.verdict, dict) else {}

    @property
    def worst(self) -> Verdict | None:
        """The check's one verdict; None where nobody has judged."""
        return worst(list(self.families.values())) if self.families else self._word

    @property
    def _word(self) -> Verdict | None:
        return None if isinstance(self.verdict, dict) else self.verdict

    @model_validator(mode="after")
    def _is_vouched_for(self) -> Self:
        if self.worst is None:
            return self
        if not (self.by and self.on):
            raise ValueError("a verdict needs `by` and `on`: who judged, and when")
        if self.worst is not Verdict.CONFORMS and not self.remark:
            raise ValueError(f"`{self.worst}` needs a `remark` that says why")
        return self


class Signatory(Part):
    """Who signs."""

    role: str
    name: str = ""
    """Left out: written by hand."""


class Site(Part):
    """The whole file."""

    title: str = "Acceptance of dual-stack networking"
    """The sheet's heading."""
    valid_days: int | None = Field(default=None, ge=1)
    """How long the result holds, in days from the run's start; left out: written by hand."""
    checks: list[Check] = []
    signatories: list[Signatory] = [Signatory(role="Tested by"), Signatory(role="Accepted by")]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [check.id for check in self.checks]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            raise ValueError(f"checks: {', '.join(twice)}: given twice")
        return self


def load(path: Path) -> Site:
    """The site's file. Raises UserError with one clear line."""
    return yaml_file.load(path, Site, "a site's file")
