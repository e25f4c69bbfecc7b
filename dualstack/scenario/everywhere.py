"""Read everybody's objects of a kind, page by page: of all namespaces, or of those that may be read.

What the suite made, in this run or another, is left aside.
"""

from collections.abc import Iterator
from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.cluster.ownership import MANAGED_BY, NAMESPACES
from dualstack.scenario.stage import Stage

Item = dict[str, Any]
NAMESPACES_AT_MOST = 500  # one request for each, where a user may not list them all at once


class Everywhere:
    """A reader; what it may not read is noted."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.unread: dict[str, str] = {}
        """Why nothing of a kind could be read, by kind."""
        self.closed: dict[str, tuple[str, ...]] = {}
        """Namespaces whose objects of a kind may not be read, where others' may."""

    def each(self, group: str, kind: str) -> Iterator[Item]:
        """Yield the objects. Raises ApiError for anything but a refusal."""
        given = self._stage.owner.given
        try:
            where = f"/namespaces/{given}" if given else ""
            yield from self._of(f"{group}{where}/{kind}")
        except ApiError as error:
            if error.not_found or (error.forbidden and given):
                self.unread[kind] = str(error)
            elif error.forbidden:
                yield from self._one_by_one(group, kind, error)
            else:
                raise

    def _one_by_one(self, group: str, kind: str, refusal: ApiError) -> Iterator[Item]:
        names = self._namespaces()
        closed = []
        for name in names:
            try:
                yield from self._of(f"{group}/namespaces/{name}/{kind}")
            except ApiError as error:
                if not (error.forbidden or error.not_found):
                    raise
                closed.append(name)
        if len(closed) == len(names):
            self.unread[kind] = str(refusal)
        elif closed:
            self.closed[kind] = tuple(closed)

    def _namespaces(self) -> list[str]:
        try:
            items = self._stage.cluster.list(NAMESPACES, metadata_only=True)
        except ApiError as error:
            if not error.forbidden:
                raise
            return []
        return [item["metadata"]["name"] for item in items][:NAMESPACES_AT_MOST]

    def _of(self, path: str) -> Iterator[Item]:
        for item in self._stage.cluster.each(path):
            if (item["metadata"].get("labels") or {}).get(MANAGED_BY[0]) != MANAGED_BY[1]:
                yield item
