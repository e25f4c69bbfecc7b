"""A finding: one subject, one family, one verdict, with what was seen."""

from collections.abc import Iterable

from pydantic import ConfigDict, Field, JsonValue
from pydantic.dataclasses import dataclass

from dualstack.family import Family
from dualstack.verdict.words import Verdict


@dataclass(
    frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", hide_input_in_errors=True)
)
class Finding:
    """What was found about one subject (a node, a pair of nodes, a Service) in one family.

    The fields are in the order of canonical JSON, so that a million of them are written as they come.
    """

    cause: str | None = None
    """For breaks, unsupported, not-judged, not-applicable: why, in one sentence."""
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    """What was seen, as facts by name. Never a secret."""
    family: Family | None = None
    """The family judged; None where the claim is about both or neither."""
    remedy: str | None = None
    """For breaks and unsupported: what to do, more precise than the behaviour's own remedy if known."""
    source: str | None = None
    """For a path: the node that it starts at (or `runner`)."""
    subject: str
    """The thing judged, as people name it: `node0`, `node0 → node1`, `service lb-ipv6`."""
    target: str | None = None
    """For a path: the node, Service or address that it leads to."""
    verdict: Verdict


def remedy_of(findings: Iterable[Finding], otherwise: str) -> str:
    """Return what to do about findings: their own remedy if there is but one, else their behaviour's."""
    own = {finding.remedy for finding in findings if finding.remedy}
    return own.pop() if len(own) == 1 else otherwise
