"""The vocabulary of a verdict. Reports, exit status and every view use these words and no others."""

from enum import StrEnum


class Level(StrEnum):
    """How strongly a behaviour is required (RFC 2119); INFO is reported and never counts."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    INFO = "INFO"


class Tier(StrEnum):
    """What judging a behaviour needs."""

    READ = "read"  # the API only
    PODS = "pods"  # pods at the restricted Pod Security level, Services
    OUTSIDE = "outside"  # a place outside the cluster: the machine that runs the suite
    HOST = "host"  # a hostNetwork pod, or one that reads a named file of the node


class Verdict(StrEnum):
    """What can be said of one subject, or of one behaviour."""

    CONFORMS = "conforms"
    BREAKS = "breaks"
    NOT_JUDGED = "not-judged"  # the means are missing; always with a reason, never a pass
    NOT_APPLICABLE = "not-applicable"  # the profile or the version does not promise it
    WAIVED = "waived"
    UNSUPPORTED = "unsupported"  # works or not: outside what the cluster's makers support


class Outcome(StrEnum):
    """What can be said of the whole cluster after a run."""

    CONFORMANT = "conformant"
    NOT_CONFORMANT = "not-conformant"
    INCOMPLETE = "incomplete"


# The strongest first: a behaviour is as bad as its worst finding.
SEVERITY = (
    Verdict.BREAKS,
    Verdict.UNSUPPORTED,
    Verdict.NOT_JUDGED,
    Verdict.WAIVED,
    Verdict.CONFORMS,
    Verdict.NOT_APPLICABLE,
)


FAILING = (Verdict.BREAKS, Verdict.UNSUPPORTED)
"""Verdicts about something that is wrong."""
FAILING_OR_WAIVED = (*FAILING, Verdict.WAIVED)


def worst(verdicts: list[Verdict]) -> Verdict | None:
    """The strongest of the verdicts by SEVERITY; None if there are none."""
    return min(verdicts, key=SEVERITY.index, default=None)
