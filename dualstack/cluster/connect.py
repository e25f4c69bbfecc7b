"""Connect to the cluster that kubectl would use, and say in one line what is wrong where that fails."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from dualstack.cluster import channels
from dualstack.cluster import kubeconfig as kubeconfigs
from dualstack.cluster.answers import UNTRUSTED
from dualstack.cluster.api import Cluster
from dualstack.cluster.errors import ApiError, one_line
from dualstack.cluster.kubeconfig import without_password
from dualstack.errors import UserError

CONNECTIONS = 64
VERSION_SECONDS = 5.0
UNAUTHORIZED = 401
OPENSSL_NOISE = r"\[(SSL|X509)[^]]*\] ?|certificate verify failed: | ?\(_ssl\.c:\d+\)"
PLUGIN_ENDED = re.compile(r"exec: process returned (-?\d+)")
NOTHING = (
    "no cluster to judge: give --kubeconfig FILE or set KUBECONFIG (there is no ~/.kube/config); "
    "`make demo` brings a real one up on this machine"
)


@dataclass(frozen=True)
class ServerVersion:
    """What the API server says of itself."""

    git_version: str


def connect(kubeconfig: Path | None, context: str | None) -> Cluster:
    """The cluster that kubectl would use: argument, $KUBECONFIG, ~/.kube/config, in-cluster.

    Raises UserError with one line. Sends nothing to the cluster; a credential plugin is run.
    """
    logging.getLogger().addFilter(_without_stderr)
    files = kubeconfigs.find(kubeconfig)
    configuration = client.Configuration()
    name, impersonation = None, []
    if files:
        merged = kubeconfigs.read(files)
        name, document = kubeconfigs.pick(merged, context)
        _load(configuration, document, f"{merged.title}: context {name}")
        impersonation = kubeconfigs.impersonation(document)
    else:
        _load_in_cluster(configuration, context)
    configuration.connection_pool_maxsize = CONNECTIONS
    # Other tools take brackets in NO_PROXY; the client compares with addresses that have none.
    configuration.no_proxy = re.sub(r"[\[\]]", "", configuration.no_proxy or "")
    configuration.retries = False
    where = ", ".join(map(str, files)) or "in-cluster"
    try:
        channels.tls_context(configuration)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{where}: cannot use certificate-authority, client-certificate or client-key: {_plain(error)}"
        ) from None
    return Cluster(_client(configuration, where), name, impersonation)


def preflight(cluster: Cluster) -> ServerVersion:
    """Ask for the version: the first call, with short patience. Raises UserError with one line."""
    try:
        answer = cluster.request("GET", "/version", timeout=VERSION_SECONDS, patient=False)
        return ServerVersion(git_version=answer["gitVersion"])
    except ApiError as error:
        raise UserError(one_line(_explain(cluster.server, error))) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{cluster.server} answers, but not as a Kubernetes API server does") from None


def _client(configuration: client.Configuration, where: str) -> client.ApiClient:
    proxy = without_password(configuration.proxy or "")
    try:
        api = client.ApiClient(configuration)
    except (urllib3.exceptions.HTTPError, ValueError, ImportError, Warning) as error:  # of SOCKS, a warning
        raise UserError(f"{where}: the proxy {proxy} cannot be used: {one_line(error)}") from None
    pool = api.rest_client.pool_manager
    if isinstance(pool, urllib3.ProxyManager) and not proxy.startswith("http://"):
        raise UserError(f"{where}: the proxy {proxy} cannot be used: only http:// proxies can")
    return api


def _load(configuration: client.Configuration, document: dict[str, object], where: str) -> None:
    """Credentials and TLS of a kubeconfig's only context. Never writes to the user's files."""
    with _heard() as logged:
        try:
            config.load_kube_config_from_dict(
                document, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(f"{where}: {one_line(error)}") from None
    if logged:  # what the client takes for a reason to go on as nobody
        raise UserError(f"{where}: no credentials: {one_line('; '.join(logged))}")


def _load_in_cluster(configuration: client.Configuration, context: str | None) -> None:
    if context is not None:
        raise UserError(f"--context {context}: there is no kubeconfig to find it in; give --kubeconfig FILE")
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise UserError(NOTHING)
    try:
        config.load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise UserError(
            f"in-cluster: {one_line(error)}; give the pod a service account with automountServiceAccountToken"
        ) from None


def _without_stderr(record: logging.LogRecord) -> bool:
    """What a credential plugin prints may be anything, a token too; the client quotes it in what it logs."""
    if found := PLUGIN_ENDED.match(record.getMessage()):
        record.msg = f"the credential plugin ended with status {found[1]}; run it by hand to see what it says"
        record.args = ()
    return True


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the client only logs while it looks for credentials."""
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    ear = Ear(logging.ERROR)
    logging.getLogger().addHandler(ear)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(ear)


def _explain(server: str, error: ApiError) -> str:
    message = error.message
    if error.status == UNAUTHORIZED:
        return f"{server} rejected the credentials (401): has the token or certificate expired?"
    if error.forbidden:
        return f"{server} denies this user even `get /version`: {message}"
    if error.status:
        return f"{server} answers {error.status} to `get /version`: {message}"
    if error.reason == UNTRUSTED:
        return f"{server}: {_distrust(_plain(message))}"
    if message.startswith("the proxy"):
        return f"{server}: {message}; check proxy-url, https_proxy and no_proxy"
    if "refused" in message.lower():
        return f"{server}: connection refused; is the API server running, and is the address right?"
    if "resolve" in message.lower() or "name or service" in message.lower():
        return f"{server}: the name cannot be resolved: {message}"
    return f"{server} cannot be reached: {message}; is there a route or a VPN to it?"


def _distrust(message: str) -> str:
    """Why TLS failed, and what to do about it."""
    if "mismatch" in message:
        advice = "use a host name listed in the certificate, or set tls-server-name in the kubeconfig"
        return f"{message}; {advice}"
    if "expired" in message or "not yet valid" in message:
        advice = "renew it, or set this machine's clock"
        return f"the server's certificate cannot be accepted: {message}; {advice}"
    if "verify failed" in message or "certificate" in message.lower():
        return (
            "the server's certificate is not signed by this kubeconfig's certificate-authority "
            f"({message}); get the cluster's current kubeconfig"
        )
    return f"TLS fails: {message}; does this port speak HTTPS?"


def _plain(error: object) -> str:
    """OpenSSL's words without its codes and line numbers."""
    return one_line(re.sub(OPENSSL_NOISE, "", str(error)))
