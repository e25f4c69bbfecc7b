"""What one run on one cluster has shown, kept as JSON until the same run is done again."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from dualstack.report.model import Report
from dualstack.verdict.words import Verdict
from lab import expect, paths
from lab.expect import Expect, Key

FOLDER = paths.CACHE / "compared"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class State(StrEnum):
    """What became of a spec."""

    PASSED = "passed"
    FAILED = "failed"
    UNFINISHED = "unfinished"  # when the run's time was up
    NOT_RUN = "not run"  # for the same reason, or skipped by the spec itself, with a message


class Spec(_Data):
    """One of upstream's specs."""

    name: str
    state: State
    seconds: float
    message: str = ""


class Upstream(_Data):
    """A run of upstream's specs."""

    procs: int
    bound: int
    """Seconds after which it was ended."""
    seconds: float
    """From the command to its end."""
    specs: tuple[Spec, ...]

    def among(self, *states: State) -> list[Spec]:
        """Return the specs of which this became."""
        return [each for each in self.specs if each.state in states]

    @property
    def noticed(self) -> list[Spec]:
        """Specs that did not pass."""
        return self.among(State.FAILED, State.UNFINISHED)


class Suite(_Data):
    """A run of this suite."""

    verdict: str
    seconds: float
    """From the command to its end."""
    behaviours: int
    """How many were judged."""
    broken: tuple[Key, ...]
    causes: tuple[str, ...]
    missed: tuple[str, ...]
    """What should break by `expect:` and does not."""
    false_alarms: tuple[Key, ...]
    """What breaks and should not."""

    @classmethod
    def of(cls, report: Report, expected: Expect, seconds: float) -> "Suite":
        """Read a report by what should be in it."""
        found = findings(report)
        return cls(
            verdict=str(report.verdict),
            seconds=seconds,
            behaviours=sum(
                each.verdict not in (Verdict.NOT_JUDGED, Verdict.NOT_APPLICABLE) for each in report.behaviours
            ),
            broken=tuple(key for key, breaks in found.items() if breaks),
            causes=tuple(each.sentence for each in report.causes),
            missed=tuple(expect.missed([expected], found)),
            false_alarms=tuple(expect.unexpected([expected], found)),
        )


class Result(_Data):
    """Both, on one cluster."""

    case: str
    measured: datetime
    kubernetes: str
    cores: int
    load: float
    """Of the machine in the minute before."""
    upstream: Upstream
    suite: Suite

    @property
    def path(self) -> Path:
        """Its file: one for each case and number of processes."""
        return place(self.case, self.upstream.procs)

    def write(self) -> None:
        """Keep it, in place of an older one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.model_dump_json(indent=1))


def place(case: str, procs: int) -> Path:
    """Return where the result of a case belongs."""
    return FOLDER / f"{case}-{procs}.json"


def kept() -> list[Result]:
    """Return all results, by case and number of processes."""
    found = [Result.model_validate_json(path.read_text()) for path in FOLDER.glob("*.json")]
    return sorted(found, key=lambda each: (each.case, each.upstream.procs))


def findings(report: Report) -> dict[Key, bool]:
    """Return whether each finding that was judged breaks."""
    found: dict[Key, bool] = {}
    for behaviour in report.behaviours:
        for each in behaviour.findings:
            if each.verdict not in (Verdict.NOT_JUDGED, Verdict.NOT_APPLICABLE):
                key = (behaviour.id, each.subject, each.family and str(each.family))
                breaks = each.verdict in (Verdict.BREAKS, Verdict.UNSUPPORTED)
                found[key] = found.get(key, False) or breaks
    return found
