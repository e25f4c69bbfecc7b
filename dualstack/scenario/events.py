"""Events about our own objects: they explain what does not come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dualstack.cluster.errors import ApiError

if TYPE_CHECKING:
    from dualstack.scenario.stage import Stage


class Event(NamedTuple):
    """One event."""

    component: str
    reason: str
    message: str
    warning: bool

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def events_about(stage: Stage, kind: str) -> dict[str, list[Event]]:
    """Return what was said of each object of a kind, oldest first; nothing where events may not be read."""
    try:
        events = stage.cluster.list(f"/api/v1/namespaces/{stage.owner.namespace}/events")
    except ApiError:
        return {}
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    said: dict[str, list[Event]] = {}
    for event in events:
        about = event.get("involvedObject", {})
        if about.get("kind") == kind:
            component = event.get("reportingComponent") or event.get("source", {}).get("component") or ""
            one = Event(
                component,
                event.get("reason") or "",
                event.get("message") or "",
                event.get("type") == "Warning",
            )
            said.setdefault(about.get("name", ""), []).append(one)
    return said
