"""A small HTTPS server on loopback that answers as a test says: the wire is real, the cluster is not."""

import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kubernetes import client

from dualstack.cluster.api import Cluster

Answer = Callable[[str, str, Any, Any], Any]
"""(method, path, headers, body) → an answer, as `serving` describes it."""


def certificate(folder: Path, name: str, hours: tuple[int, int] = (-1, 1)) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, made once a folder: (certificate file, key file).

    It is valid between those `hours` from now.
    """
    cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    if cert_file.exists():
        return cert_file, key_file
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(hours=hours[0]))
        .not_valid_after(now + datetime.timedelta(hours=hours[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


@contextmanager
def serving(folder: Path, answer: Answer, port: int = 0) -> Iterator[int]:
    """Serve `answer(method, path, headers, body)`; yields the port.

    An answer is (status, document) or (status, document, headers); None breaks the connection off.
    """
    cert_file, key_file = certificate(folder, "server")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = answer(self.command, self.path, self.headers, json.loads(sent or "{}"))
            if reply is None:
                self.close_connection = True
                return
            body = json.dumps(reply[1]).encode()
            self.send_response(reply[0])
            for header in (reply[2] if len(reply) > 2 else {}).items():
                self.send_header(*header)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_PATCH = _answer  # noqa: N815 (http.server calls them so)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def cluster(
    port: int,
    ca_file: Path,
    token: str = "secret-token",
    host: str = "127.0.0.1",
    tls_server_name: str | None = None,
) -> Cluster:
    """A Cluster that speaks to that server and trusts `ca_file`."""
    configuration = client.Configuration(host=f"https://{host}:{port}")
    configuration.tls_server_name = tls_server_name
    configuration.ssl_ca_cert = str(ca_file)
    configuration.api_key = {"authorization": f"Bearer {token}"}
    configuration.retries = False
    return Cluster(client.ApiClient(configuration), "test")
