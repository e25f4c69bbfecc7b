"""What a variant or a fault must break, as data: `expect:` in its YAML.

    expect:
      verdict: not-conformant
      must:
        - {behaviours: [tcp-pod-to-pod, ping-pod-to-pod], subjects: ["node2 → *"], family: IPv6}
      may:
        - {behaviours: [latency-parity]}
      cause: All IPv6 from node2 *

Each finding of the behaviours and the family whose subject matches must break, and there must be one at
least; a subject is a pattern (`*` stands for any text). What is in neither list must not break. A variant or
fault without `expect:` loads too: people write their own.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict

Key = tuple[str, str, str | None]
"""(behaviour, subject, family) of a finding."""
Verdict = Literal["conformant", "not-conformant", "incomplete", "any"]
WORST: tuple[Verdict, ...] = ("any", "not-conformant", "incomplete", "conformant")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Where(_Data):
    """Some findings."""

    behaviours: tuple[str, ...]
    subjects: tuple[str, ...] = ("*",)
    but: tuple[str, ...] = ()
    """Subjects that are excepted."""
    family: Literal["IPv4", "IPv6", "none"] = "IPv6"

    def covers(self, key: Key) -> bool:
        """Return whether a finding is among them."""
        behaviour, subject, family = key
        return (
            behaviour in self.behaviours
            and (family or "none") == self.family
            and any(fnmatchcase(subject, pattern) for pattern in self.subjects)
            and not any(fnmatchcase(subject, pattern) for pattern in self.but)
        )

    def __str__(self) -> str:
        subjects = ", ".join(self.subjects) + (f" but {', '.join(self.but)}" if self.but else "")
        family = "" if self.family == "none" else f" ({self.family})"
        return f"{', '.join(self.behaviours)}: {'every subject' if subjects == '*' else subjects}{family}"


class Expect(_Data):
    """What must come of judging it."""

    variant: str = "default"
    """For a fault: the cluster that it is done to."""
    profile: str = "kubernetes"
    """The profile that it is judged under."""
    site: str = ""
    """A file of lab/sites, by its name: what the cluster is said to have promised (--expect)."""
    verdict: Verdict = "conformant"
    must: tuple[Where, ...] = ()
    may: tuple[Where, ...] = ()
    cause: str = ""
    """A pattern of the sentence that must say what is wrong: the damage that was done."""
    unjudged: tuple[str, ...] = ()
    """Behaviours that cannot be judged there; all others are, in a healthy cluster."""
    leaves: bool = False
    """Whether the run's namespace cannot go as long as the damage lasts."""
    together: str = ""
    """Faults of one name are judged in one run: their effects do not meet."""
    often: bool = True
    """Whether `make test` judges it; otherwise only `make faults` does."""
    because: str = ""
    """Why nothing breaks, or why it is chance."""


def problems(expects: Iterable[Expect], findings: dict[Key, bool]) -> list[str]:
    """Return what is not as expected, a line each; `findings`: whether each breaks."""
    expects = list(expects)
    return missed(expects, findings) + [
        f"breaks and should not: {key}" for key in unexpected(expects, findings)
    ]


def missed(expects: Iterable[Expect], findings: dict[Key, bool]) -> list[str]:
    """Return what must break and does not, a line each."""
    lines = []
    for where in (each for expect in expects for each in expect.must):
        covered = {key: breaks for key, breaks in findings.items() if where.covers(key)}
        if not covered:
            lines.append(f"nothing was judged of {where}")
        lines += [f"should break and does not: {key}" for key, breaks in covered.items() if not breaks]
    return lines


def unexpected(expects: Iterable[Expect], findings: dict[Key, bool]) -> list[Key]:
    """Return what breaks and should not."""
    allowed = [each for expect in expects for each in (*expect.must, *expect.may)]
    return [
        key for key, breaks in findings.items() if breaks and not any(where.covers(key) for where in allowed)
    ]


def unnamed(expects: Iterable[Expect], sentences: Sequence[str]) -> list[str]:
    """Return the causes that none of a report's sentences names."""
    return [
        f"no cause is {each.cause!r}"
        for each in expects
        if each.cause and not any(fnmatchcase(sentence, each.cause) for sentence in sentences)
    ]


def verdict(expects: Sequence[Expect]) -> Verdict:
    """Return the verdict of what is judged together."""
    return min((each.verdict for each in expects), key=WORST.index)


def meet(one: Expect, other: Expect) -> bool:
    """Return whether some finding may be expected by both: these must not be judged together."""
    return any(
        set(a.behaviours) & set(b.behaviours)
        and a.family == b.family
        and any(fnmatchcase(x, y) or fnmatchcase(y, x) for x in a.subjects for y in b.subjects)
        for a in (*one.must, *one.may)
        for b in (*other.must, *other.may)
    )


def lines(title: str, expect: Expect | None, healthy: bool) -> list[str]:
    """Return what a person wants to know of it."""
    if expect is None:
        return [title, "", "No expectation is written down." if not healthy else "Nothing may break."]
    site = f" with --expect lab/sites/{expect.site}.yaml" if expect.site else ""
    parts = [title, "", f"Judged under profile {expect.profile}{site}: {expect.verdict}."]
    parts += [f"Must break: {where}." for where in expect.must]
    parts += [f"May break: {where}." for where in expect.may]
    parts += [f"Cause that is named: {expect.cause}."] if expect.cause else []
    parts += [f"Not judged: {', '.join(expect.unjudged)}."] if expect.unjudged else []
    parts += ["Nothing may break."] if not expect.must and not expect.may else []
    parts += [f"{expect.because[0].upper()}{expect.because[1:]}."] if expect.because else []
    return parts
