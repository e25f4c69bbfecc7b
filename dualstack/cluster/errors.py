"""What can go wrong between us and an API server, each as one line."""

import textwrap
from typing import Literal

FORBIDDEN, NOT_FOUND, CONFLICT, INVALID = 403, 404, 409, 422
LINE_AT_MOST = 300  # characters of somebody else's text


def one_line(text: object) -> str:
    """Any text as a single line of bearable length. Words stay whole: half a name cannot be recognised."""
    return textwrap.shorten(str(text), LINE_AT_MOST, placeholder=" …")


class ApiError(Exception):
    """A call failed. `status` is HTTP's, 0 when there was no answer; `retry_after` in seconds, if given."""

    def __init__(
        self,
        status: int,
        verb: str,
        resource: str,
        reason: str,
        message: str,
        retry_after: float | None = None,
    ) -> None:
        self.status, self.verb, self.resource = status, verb, resource
        self.reason, self.message, self.retry_after = reason, message, retry_after
        super().__init__(self._line())

    @property
    def unreachable(self) -> bool:
        """There was no answer."""
        return self.status == 0

    @property
    def forbidden(self) -> bool:
        """The user may not do this."""
        return self.status == FORBIDDEN

    @property
    def not_found(self) -> bool:
        """There is no such object, or no such API."""
        return self.status == NOT_FOUND

    @property
    def conflict(self) -> bool:
        """It exists already, or changed meanwhile."""
        return self.status == CONFLICT

    @property
    def invalid(self) -> bool:
        """The API server refuses the object itself."""
        return self.status == INVALID

    def _line(self) -> str:
        words = " ".join(self.message.split())
        if self.forbidden:
            return f"forbidden: {self.verb} {self.resource} ({words})"
        if self.unreachable:
            return f"no answer to {self.verb} {self.resource}: {words}"
        return f"{self.verb} {self.resource}: {self.status} {self.reason}: {words}"


class ExecError(Exception):
    """A command could not be run in a pod, or its end was not seen."""

    def __init__(
        self, kind: Literal["handshake", "timeout", "dropped", "runtime"], status: int, message: str
    ) -> None:
        self.kind, self.status, self.message = kind, status, message
        super().__init__(" ".join(message.split()))
