"""Read kubeconfig files as kubectl does, down to the one context that is used, and check what it needs.

The client's own reader differs from kubectl (the last current-context wins instead of the first), splits
file names at colons, only logs that a credential plugin is missing, and goes on as nobody. So files are
read here, and the client gets one context with absolute paths.
"""

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from dualstack.cluster.errors import one_line
from dualstack.errors import UserError

SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
AUTH_PROVIDERS = ("gcp", "oidc")  # what the client knows of them; kubectl dropped most in 1.26


@dataclass(frozen=True)
class Entry:
    """A named cluster, context or user, and the file that it is in."""

    name: str
    file: Path
    body: dict[str, Any]


@dataclass
class Kubeconfig:
    """Files, merged: of entries with one name the first counts, as does the first current context."""

    files: list[Path]
    current: str = ""
    clusters: dict[str, Entry] = field(default_factory=dict)
    contexts: dict[str, Entry] = field(default_factory=dict)
    users: dict[str, Entry] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The files' names, for a message."""
        return ", ".join(map(str, self.files))


def find(kubeconfig: Path | None) -> list[Path]:
    """The files that kubectl would read: the argument, or $KUBECONFIG, or ~/.kube/config. May be empty."""
    if kubeconfig is not None:
        return [kubeconfig]
    if listed := os.environ.get("KUBECONFIG"):
        paths = [Path(name) for name in listed.split(os.pathsep) if name]
        if found := [path for path in paths if _is_there(path)]:
            return found
        raise UserError(f"KUBECONFIG={listed}: no such file; unset it or give --kubeconfig FILE")
    try:
        usual = Path.home() / ".kube/config"
    except RuntimeError:  # a user without a home, as in a container
        return []
    return [usual] if _is_there(usual) else []


def read(files: list[Path]) -> Kubeconfig:
    """Read and merge. Raises UserError with one line that names the file."""
    merged = Kubeconfig(files)
    for file in files:
        document = _load(file)
        merged.current = merged.current or str(document.get("current-context") or "")
        for section in SECTIONS:
            entries: dict[str, Entry] = getattr(merged, section)
            for entry in _entries(file, document, section):
                entries.setdefault(entry.name, entry)
    return merged


def pick(kubeconfig: Kubeconfig, wanted: str | None) -> tuple[str, dict[str, Any]]:
    """The context's name, and a kubeconfig of it alone. Raises UserError with one line."""
    known = ", ".join(sorted(kubeconfig.contexts)) or "none"
    name = wanted or kubeconfig.current
    if not name:
        raise UserError(
            f"{kubeconfig.title}: no current context is set; choose one with --context (there are: {known})"
        )
    if name not in kubeconfig.contexts:
        raise UserError(f"{kubeconfig.title}: there is no context {name!r}; there are: {known}")
    context = kubeconfig.contexts[name]
    cluster = _named(kubeconfig.clusters, context, "cluster")
    server, credentials = _server(cluster)
    if context.body.get("user"):
        credentials |= _usable_user(_named(kubeconfig.users, context, "user"))
    return name, {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": context.body | {"user": "user"}}],
        "clusters": [{"name": cluster.name, "cluster": _with_files(cluster) | {"server": server}}],
        "users": [{"name": "user", "user": credentials}],
    }


def names(kubeconfig: Path | None) -> Iterable[tuple[str, str]]:
    """(kind, name) of everything that the kubeconfig's files name, as far as they can be read."""
    try:
        merged = read(find(kubeconfig))
    except UserError:
        return
    for kind, entries in (("context", merged.contexts), ("cluster", merged.clusters), ("user", merged.users)):
        yield from ((kind, name) for name in entries)
    for cluster in merged.clusters.values():
        for key in ("server", "proxy-url", "tls-server-name"):
            url = str(cluster.body.get(key) or "")
            if host := host_of(url) or (url if "/" not in url else ""):
                yield "server", host


def host_of(url: str) -> str | None:
    """The URL's host, without brackets; None if it has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def without_password(url: str) -> str:
    """Any text that is meant as a URL, without a user's name and password in it."""
    return re.sub("^([a-z0-9+.-]*://)?.*@", r"\1", url, flags=re.IGNORECASE)


def _is_there(path: Path) -> bool:
    """Whether there is such a file; one that may not be looked at counts, and fails when it is read."""
    try:
        return path.exists()
    except OSError:
        return True


def _load(file: Path) -> dict[str, Any]:
    try:
        document = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: no such kubeconfig file") from None
    except OSError as error:
        raise UserError(f"{file}: the kubeconfig cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file}: the kubeconfig cannot be read: it is not text") from None
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{file}{where}: the kubeconfig is not valid YAML") from None
    if not isinstance(document, dict) or not any(section in document for section in SECTIONS):
        raise UserError(f"{file}: this is not a kubeconfig: it names no clusters, contexts or users")
    return document


def _entries(file: Path, document: dict[str, Any], section: str) -> Iterable[Entry]:
    listed = document.get(section) or []
    if not isinstance(listed, list):
        raise UserError(f"{file}: this is not a kubeconfig: {section} is not a list")
    for number, each in enumerate(listed, start=1):
        name = each.get("name") if isinstance(each, dict) else None
        body = (each.get(SECTIONS[section]) or {}) if isinstance(each, dict) else None
        if not isinstance(name, str) or not isinstance(body, dict):
            raise UserError(
                f"{file}: this is not a kubeconfig: entry {number} of {section} lacks a name or a "
                f"{SECTIONS[section]}"
            )
        yield Entry(name, file, {key: value for key, value in body.items() if value not in (None, "")})


def _named(entries: dict[str, Entry], context: Entry, kind: str) -> Entry:
    name = context.body.get(kind)
    if name not in entries:
        raise UserError(f"{context.file}: context {context.name} names {kind} {name!r}, which is not there")
    return entries[name]


def _server(cluster: Entry) -> tuple[str, dict[str, Any]]:
    """The server's URL, and what a user's name and password in it come to: the server's name is shown."""
    server = str(cluster.body.get("server", ""))
    try:
        url = urlsplit(server)
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not good:
        raise UserError(
            f"{cluster.file}: cluster {cluster.name}: server {without_password(server)!r} is not a URL "
            "such as https://HOST:6443"
        )
    bare = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
    if url.username is None:
        return bare, {}
    return bare, {"username": unquote(url.username), "password": unquote(url.password or "")}


def _with_files(entry: Entry) -> dict[str, Any]:
    """The entry with absolute paths, each of them checked; `…-data` beside a file counts instead of it."""
    body = dict(entry.body)
    for key in FILE_KEYS:
        data_key = "token" if key == "tokenFile" else f"{key}-data"
        if key not in body or data_key in body:
            body.pop(key, None)
            continue
        path = entry.file.absolute().parent / str(body[key])
        body[key] = str(path)
        try:
            path.open("rb").close()
        except OSError as error:
            raise UserError(f"{entry.file}: {key} {path}: {error.strerror}") from None
    return body


def impersonation(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the headers by which a picked kubeconfig's user acts as another, as kubectl sends them.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    """
    user = document["users"][0]["user"] if document.get("users") else {}
    headers = [("Impersonate-User", str(user["as"]))] if user.get("as") else []
    headers += [("Impersonate-Uid", str(user["as-uid"]))] if user.get("as-uid") else []
    headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or []]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{quote(str(key), safe='')}", str(value)) for value in values]
    return headers


def _usable_user(user: Entry) -> dict[str, Any]:
    body = _with_files(user)
    provider = (body.get("auth-provider") or {}).get("name")
    if provider and provider not in AUTH_PROVIDERS:
        raise UserError(
            f"{user.file}: user {user.name} uses the auth-provider {provider!r}, which is no longer "
            "supported; get a kubeconfig with a credential plugin (Azure: `kubelogin convert-kubeconfig`)"
        )
    if "exec" not in body:
        return body
    plugin = body["exec"] if isinstance(body["exec"], dict) else {}
    command = str(plugin.get("command") or "")
    if os.sep in command:
        command = str(user.file.absolute().parent / command)
    if not command or shutil.which(command) is None:
        hint = f": {one_line(plugin['installHint'])}" if plugin.get("installHint") else ""
        raise UserError(
            f"{user.file}: user {user.name} needs the credential plugin "
            f"{str(plugin.get('command') or '')!r}, which is not installed{hint}"
        )
    return body | {"exec": plugin | {"command": command}}
