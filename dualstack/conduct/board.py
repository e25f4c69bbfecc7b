"""The board: the conductor publishes topics on it, tests in any process wait for theirs.

A topic is a file, moved into place whole; the same way serves one process and many workers. The files
stay in the run's folder as evidence.
"""

import json
import time
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from dualstack.verdict.judge import CannotJudge

Topic = TypeVar("Topic", bound=BaseModel)

POLL_SECONDS = 0.03
TOPICS = (
    "pods", "pod-networks", "tcp", "ping", "services", "cluster-ip", "load-balancers", "reach", "proxies",
    "cloud-configs", "canary",
)  # fmt: skip


class Board:
    """A folder with a file for each topic: `{"value": …}`, or `{"failed": reason}`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def publish(self, topic: str, value: BaseModel) -> None:
        """Put a topic's value up."""
        self._write(topic, {"value": value.model_dump(mode="json")})

    def fail(self, topic: str, reason: str) -> None:
        """Say why a topic will never have a value; keeps what is already there."""
        if not self._file(topic).exists():
            self._write(topic, {"failed": reason})

    def fail_rest(self, reason: str) -> None:
        """Fail every topic that has not been published."""
        for topic in TOPICS:
            self.fail(topic, reason)

    def peek(self, topic: str, kind: type[Topic]) -> Topic | None:
        """The topic's value if it is up and did not fail."""
        if not self._file(topic).exists():
            return None
        try:
            return self.wait(topic, kind)
        except CannotJudge:
            return None

    def wait(self, topic: str, kind: type[Topic]) -> Topic:
        """Wait for a topic. The conductor bounds every wait of its own and fails what it cannot give.

        Raises CannotJudge with the reason if it failed.
        """
        assert topic in TOPICS, topic
        while not self._file(topic).exists():
            time.sleep(POLL_SECONDS)
        content = json.loads(self._file(topic).read_text(encoding="utf-8"))
        if "failed" in content:
            raise CannotJudge(content["failed"])
        return kind.model_validate(content["value"])

    def _file(self, topic: str) -> Path:
        return self.folder / f"{topic}.json"

    def _write(self, topic: str, content: dict[str, object]) -> None:
        unfinished = self.folder / f".{topic}.json"
        unfinished.write_text(json.dumps(content), encoding="utf-8")
        unfinished.replace(self._file(topic))
