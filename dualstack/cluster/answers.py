"""What comes of a call where it is no success: an ApiError that says why, in words for people."""

import http.client
import json
import ssl
from collections.abc import Callable

import urllib3

from dualstack.cluster.errors import ApiError, one_line

NOT_SENT, BROKEN_OFF, UNTRUSTED = "not sent", "broken off", "untrusted"  # reasons where no answer came


def resource_of(path: str) -> str:
    """Return a path as people name it: `pods in namespace x`, `nodes/node0`."""
    parts = [part for part in path.split("?")[0].split("/") if part]
    start = 2 if parts[:1] == ["api"] else 3 if parts[:1] == ["apis"] else 0
    rest = parts[start:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        return f"{'/'.join(rest[2:])} in namespace {rest[1]}"
    return "/".join(rest) or path


def connected(
    call: Callable[[], urllib3.BaseHTTPResponse], verb: str, resource: str
) -> urllib3.BaseHTTPResponse:
    """Return the answer. Raises ApiError that says why there is none."""
    try:
        return call()
    except urllib3.exceptions.HTTPError as error:
        cause = _innermost(error)
        message = str(cause) or type(cause).__name__
        match error:
            case urllib3.exceptions.ProxyError():
                reason, message = NOT_SENT, f"the proxy: {message}"
            case urllib3.exceptions.NewConnectionError() | urllib3.exceptions.ConnectTimeoutError():
                reason = NOT_SENT
            case urllib3.exceptions.SSLError() if not isinstance(cause, ssl.SSLEOFError):
                reason = UNTRUSTED
            case _:
                reason = BROKEN_OFF
        raise ApiError(0, verb, resource, reason, message) from None


def _innermost(error: BaseException) -> BaseException:
    """The cause that knew it best."""
    inner = (
        error.__cause__
        or error.__context__
        or next((each for each in error.args if isinstance(each, BaseException)), None)
    )
    return error if inner is None else _innermost(inner)


def refused(status: int, verb: str, resource: str, text: str, retry_after: float | None) -> ApiError:
    """Return the error for an answer that is no success; `text` is its body."""
    try:
        document = json.loads(text)
        reason, message = document.get("reason", ""), document.get("message", one_line(text))
    except (ValueError, AttributeError):
        reason, message = http.client.responses.get(status, ""), one_line(text)
    return ApiError(status, verb, resource, str(reason), str(message), retry_after)
