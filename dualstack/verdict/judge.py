"""The judge: what a test speaks to. It collects findings and never raises for a broken claim."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from pydantic import JsonValue

from dualstack.family import Family
from dualstack.probes.observation import Observation
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Verdict

Thing = TypeVar("Thing")
Evidence = None | bool | int | float | str | Sequence["Evidence"] | Mapping[str, "Evidence"]
"""JSON as tests have it at hand: any sequence, any mapping."""


class CannotJudge(Exception):
    """The means to judge are missing; the message is the reason."""


class NotApplicable(Exception):
    """Nothing is promised here; the message says why."""


class Judge:
    """Collects the findings of one behaviour. `limit` behaviours end in `unsupported`, not `breaks`."""

    def __init__(self, *, limit: bool = False) -> None:
        self.findings: list[Finding] = []
        self._broken = Verdict.UNSUPPORTED if limit else Verdict.BREAKS

    def __call__(
        self,
        subject: str,
        holds: bool,
        *,
        cause: str,
        family: Family | None = None,
        source: str | None = None,
        target: str | None = None,
        remedy: str | None = None,
        **evidence: Evidence,
    ) -> None:
        """Record whether the claim holds for a subject; `cause` and `remedy` are kept only if it does not."""
        self.findings.append(
            Finding(
                subject=subject,
                family=family,
                source=source,
                target=target,
                verdict=Verdict.CONFORMS if holds else self._broken,
                cause=None if holds else cause,
                remedy=None if holds else remedy,
                evidence=_in_order(evidence),
            )
        )

    def cannot(
        self,
        subject: str,
        reason: str,
        *,
        family: Family | None = None,
        source: str | None = None,
        target: str | None = None,
        **evidence: Evidence,
    ) -> None:
        """Record that a subject cannot be judged, and why."""
        self.findings.append(
            Finding(
                subject=subject, family=family, source=source, target=target,
                verdict=Verdict.NOT_JUDGED, cause=reason, evidence=_in_order(evidence),
            )
        )  # fmt: skip

    def not_applicable(self, subject: str, reason: str, *, family: Family | None = None) -> None:
        """Record that nothing is promised for a subject, and why."""
        self.findings.append(
            Finding(subject=subject, family=family, verdict=Verdict.NOT_APPLICABLE, cause=reason)
        )

    def paths(
        self, seen: Iterable[Observation], what: str, *, control: Iterable[Observation] | None = None
    ) -> Iterator[Observation]:
        """Yield the paths that can be judged; none at all is a broken claim, as in `each`.

        One that could not be tried is recorded as not judged, or as not promised. Not judged is one, too,
        whose `control`, the same path asked earlier by the same kind of request, did not answer: silence
        proves nothing about a path that never spoke.
        """
        spoke = {_path(each): each for each in control} if control is not None else None
        for path in self.each(seen, what):
            before = spoke.get(_path(path)) if spoke is not None else None
            if path.not_promised:
                self.not_applicable(subject_of(path), str(path.blocked), family=path.family)
            elif path.blocked:
                self.cannot_path(path, path.blocked)
            elif spoke is not None and (before is None or not before.reached):
                why = (before.blocked or before.error) if before else "it was not asked"
                self.cannot_path(path, f"the same path did not answer before either: {why}")
            else:
                yield path

    def path(
        self,
        path: Observation,
        holds: bool,
        *,
        cause: str,
        remedy: str | None = None,
        subject: str | None = None,
        **evidence: Evidence,
    ) -> None:
        """Record whether the claim holds for a path, in its family, from its source to its target."""
        self(
            subject or subject_of(path),
            holds,
            cause=cause,
            remedy=remedy,
            family=path.family,
            source=path.source,
            target=path.target,
            **evidence,
        )

    def cannot_path(self, path: Observation, reason: str, **evidence: Evidence) -> None:
        """Record that a path cannot be judged, and why."""
        self.cannot(
            subject_of(path), reason, family=path.family, source=path.source, target=path.target, **evidence
        )

    def service_path(self, path: Observation, *, spread: bool = True) -> None:
        """Judge that a Service's address is answered by each of its backends, in its family on the wire.

        Without `spread`, by one of them: clients stay on theirs.
        """
        reached = path.reached or (not spread and bool(path.answered))
        foreign = path.foreign_clients
        if path.flaw:
            cause = path.flaw
        elif foreign:
            cause = f"the server saw {foreign[0]}: this is not {path.family} on the wire"
        elif not path.answered:
            cause = f"none of {path.requests} requests was answered: {path.error}"
        else:
            count = f"({path.answered} of {path.requests} requests were answered)"
            cause = f"backends that never answered: {', '.join(path.missing)} {count}"
        self.path(
            path,
            reached and not foreign and not path.flaw,
            cause=cause,
            cluster_ip=path.address,
            backends=dict(path.answered_by),
            client_seen=list(path.clients_seen),
            converged_after_seconds=path.seconds,
            rounds=path.rounds,
            answered=f"{path.answered} of {path.requests}",
            counted=path.counted,
            lost_syns=path.lost_syns,
            error=path.error,
        )

    def each(self, things: Iterable[Thing], what: str) -> Iterator[Thing]:
        """Yield the things, one by one; none at all is a broken claim, since nothing tested is not green.

        Not where it has been recorded already why something cannot be judged.
        """
        empty = True
        for thing in things:
            empty = False
            yield thing
        if empty and not self.findings:
            self(f"all {what}", holds=False, cause=f"there are no {what} to judge")


def subject_of(path: Observation) -> str:
    """Return a path as people name it."""
    return f"{path.source} → {path.target}"


def _path(path: Observation) -> tuple[str, str, str, Family]:
    return (path.kind, path.source, path.target, path.family)


def _in_order(evidence: dict[str, Evidence]) -> dict[str, JsonValue]:
    """By name, as it will be in report.json."""
    return cast(dict[str, JsonValue], dict(sorted(evidence.items())))
