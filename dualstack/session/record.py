"""What tests found, kept in files: one a behaviour, so that workers and a crash change nothing."""

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from dualstack.report.model import BehaviourResult
from dualstack.verdict.behaviour import Behaviour
from dualstack.verdict.words import Level, Verdict


class Declared(BaseModel):
    """A behaviour that was collected, with the level that the profile gives it."""

    model_config = ConfigDict(frozen=True)

    behaviour: Behaviour
    level: Level
    topic: str
    order: int


class Record:
    """A folder of declarations and results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def of(cls, work: Path) -> Self:
        """The record of the run that works in that folder."""
        return cls(work / ".work")

    def declare(self, declared: list[Declared]) -> None:
        """Note what was collected; every worker collects the same."""
        self._write("declared.json", [each.model_dump(mode="json") for each in declared])

    def add(self, result: BehaviourResult) -> None:
        """Note what was found about one behaviour."""
        self._write(f"result-{result.id}.json", result.model_dump(mode="json"))

    def results(self) -> list[BehaviourResult]:
        """All results in the suite's order; what was collected and never came to be judged says so."""
        file = self.folder / "declared.json"
        declared = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        return [self._result(Declared.model_validate(each)) for each in declared]

    def _result(self, declared: Declared) -> BehaviourResult:
        file = self.folder / f"result-{declared.behaviour.id}.json"
        if file.exists():
            return BehaviourResult.model_validate_json(file.read_text(encoding="utf-8"))
        return result_of(declared, verdict=Verdict.NOT_JUDGED, reason="the run ended before it was judged")

    def _write(self, name: str, content: object) -> None:
        unfinished = self.folder / f".{name}.{id(self)}"
        unfinished.write_text(json.dumps(content), encoding="utf-8")
        unfinished.replace(self.folder / name)


def result_of(declared: Declared, *, verdict: Verdict, reason: str | None) -> BehaviourResult:
    """A result without findings."""
    behaviour = declared.behaviour
    return BehaviourResult(
        id=behaviour.id,
        level=declared.level,
        tier=behaviour.tier,
        support="outside" if behaviour.limit else "inside",
        topic=declared.topic,
        traffic=behaviour.traffic,
        claim=behaviour.claim,
        source=behaviour.source,
        remedy=behaviour.remedy,
        verdict=verdict,
        reason=reason,
    )
