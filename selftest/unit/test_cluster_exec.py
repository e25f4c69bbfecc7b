"""Exec over a real websocket to loopback: exit codes, streams, deadlines, refusals, a proxy."""

import base64
import contextlib
import hashlib
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from api_server import certificate, cluster
from kubernetes import client

from dualstack.cluster import channels, podexec
from dualstack.cluster.errors import ExecError

OK = {"status": "Success"}
ACCEPT = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def failure(reason, message, *causes):
    return {"status": "Failure", "reason": reason, "message": message, "details": {"causes": list(causes)}}


class Talk:
    """The server's end of one exec: reads what the client sends, sends channel messages."""

    def __init__(self, handler):
        self.read, self.write = handler.rfile.read, handler.wfile.write
        self.read_some = handler.rfile.read1
        self.request = [line.decode().strip() for line in iter(handler.rfile.readline, b"\r\n")]

    def refuse(self, code, document):
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {code} No\r\nContent-Length: {len(body)}\r\nLocation: /elsewhere\r\n\r\n"
        self.write(head.encode() + body)

    def accept(self):
        key = next(line.split(": ")[1] for line in self.request if line.startswith("Sec-WebSocket-Key"))
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        told = f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n"
        self.write(f"{ACCEPT}{told}Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode())

    def send(self, channel, data, cut=None):
        body = bytes([channel]) + data
        self.write((b"\x82\x7f" + struct.pack(">Q", len(body)) + body)[:cut])

    def end(self, status):
        self.send(podexec.STATUS, json.dumps(status).encode())

    def receive(self):
        """One message: (channel, data)."""
        length = self.read(2)[1] & 0x7F
        if length >= 126:
            size = 2 if length == 126 else 8
            length = int.from_bytes(self.read(size), "big")
        mask, masked = self.read(4), self.read(length)
        data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
        return data[0], data[1:]


@contextmanager
def listening(script, tls=None):
    """Run `script(Talk)` for each connection; yields the port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):  # the client may go when it likes
                script(Talk(self))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

        def get_request(self):
            sock, address = super().get_request()
            return (tls.wrap_socket(sock, server_side=True) if tls else sock), address

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def kubelet(tmp_path):
    """A function that serves `script(talk)` and gives the cluster that reaches it, over TLS."""
    cert_file, key_file = certificate(tmp_path, "server")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert_file, key_file)
    running = []

    def start(script):
        running.append(listening(script, tls))
        return cluster(running[-1].__enter__(), cert_file)

    yield start
    for each in running:
        each.__exit__(None, None, None)


def run(one, *, stdin=None, timeout=5.0):
    return one.exec("x", "probe", "main", ["sh", "-c", "echo a&b"], stdin=stdin, timeout=timeout)


def failing(one, **given):
    with pytest.raises(ExecError) as raised:
        run(one, **given)
    assert "\n" not in str(raised.value)
    assert "secret-token" not in str(raised.value)
    return raised.value


def test_both_streams_and_the_exit_code(kubelet):
    asked = []

    def script(talk):
        asked.extend(talk.request)
        talk.accept()
        talk.send(1, b"")
        talk.send(1, b"out \xe2\x86")
        talk.send(2, b"err")
        talk.send(1, b"\x92 more")
        talk.end(failure("NonZeroExitCode", "exit 3", {"reason": "ExitCode", "message": "3"}))

    result = run(kubelet(script))
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out → more", "err")
    assert not result.truncated
    assert "command=sh&command=-c&command=echo+a%26b" in asked[0]
    assert "stdin" not in asked[0]
    assert "authorization: Bearer secret-token" in asked


def test_stdin_arrives_whole_and_in_order(kubelet):
    sent = bytes(range(256)) * 400 + b"end\n"

    def script(talk):
        talk.accept()
        got = b""
        while not got.endswith(b"end\n"):
            channel, data = talk.receive()
            assert channel == podexec.STDIN
            got += data
        talk.send(1, hashlib.sha256(got).hexdigest().encode())
        talk.end(OK)

    assert run(kubelet(script), stdin=sent).stdout == hashlib.sha256(sent).hexdigest()


def test_too_much_output_is_cut_and_that_is_told(kubelet):
    def script(talk):
        talk.accept()
        for _ in range(10):
            talk.send(1, b"x" * 1024 * 1024)
        talk.end(OK)

    result = run(kubelet(script))
    assert result.truncated
    assert len(result.stdout) == podexec.OUTPUT_AT_MOST_BYTES
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "status",
    [failure("InternalError", "no such container"), {"status": "Failure", "message": "no such container"}],
)
def test_a_command_that_could_not_be_started(kubelet, status):
    def script(talk):
        talk.accept()
        talk.end(status)

    error = failing(kubelet(script))
    assert error.kind == "runtime"
    assert "no such container" in str(error)


@pytest.mark.parametrize("code", [403, 404, 500])
def test_a_refused_handshake_keeps_status_and_message(kubelet, code):
    error = failing(kubelet(lambda talk: talk.refuse(code, {"message": "because of this"})))
    assert (error.kind, error.status) == ("handshake", code)
    assert "because of this" in str(error)
    assert ("create pods/exec in namespace x" in str(error)) == (code == 403)


def test_credentials_do_not_follow_a_redirect(kubelet):
    asked = []

    def script(talk):
        asked.append(talk.request)
        talk.refuse(302, {})

    error = failing(kubelet(script))
    assert (error.kind, error.status) == ("handshake", 302)
    assert len(asked) == 1


def test_a_connection_that_breaks_before_the_end(kubelet):
    def script(talk):
        talk.accept()
        talk.send(1, b"half")

    assert failing(kubelet(script)).kind == "dropped"


def test_no_server_at_all(tmp_path):
    certificate(tmp_path, "server")
    error = failing(cluster(1, tmp_path / "server.crt"))
    assert error.kind == "dropped"
    assert "refused" in str(error)


def test_a_server_that_is_not_trusted(kubelet, tmp_path):
    port = kubelet(lambda talk: talk.accept()).server.rpartition(":")[2]
    other, _ = certificate(tmp_path, "other")
    error = failing(cluster(port, other))
    assert error.kind == "dropped"
    assert "certificate" in str(error)


def silent_before_the_handshake(talk):
    time.sleep(2)


def silent_after_the_handshake(talk):
    talk.accept()
    time.sleep(2)


def trickling(talk):
    talk.accept()
    talk.send(1, b"x" * 100, cut=20)
    for _ in range(40):
        time.sleep(0.05)
        talk.write(b"x")


@pytest.mark.parametrize("script", [silent_before_the_handshake, silent_after_the_handshake, trickling])
def test_the_deadline_covers_everything(kubelet, script):
    one = kubelet(script)
    start = time.monotonic()
    assert failing(one, timeout=0.4).kind == "timeout"
    assert 0.4 <= time.monotonic() - start < 1.5


def test_many_at_once_on_one_cluster(kubelet):
    def script(talk):
        talk.accept()
        _, data = talk.receive()
        talk.send(1, data)
        talk.end(OK)

    one = kubelet(script)
    wanted = [str(n) for n in range(128)]
    with ThreadPoolExecutor(64) as pool:
        got = list(pool.map(lambda text: run(one, stdin=text.encode(), timeout=20).stdout, wanted))
    assert got == wanted


@pytest.fixture
def proxy():
    """A proxy on loopback: (its URL, the destinations it was asked for)."""
    asked = []

    def script(talk):
        asked.append(talk.request[0])
        host, _, port = talk.request[0].split()[1].rpartition(":")
        with socket.create_connection((host, int(port))) as beyond:
            talk.write(b"HTTP/1.1 200 OK\r\n\r\n")

            def back():
                while data := beyond.recv(4096):
                    talk.write(data)

            threading.Thread(target=back, daemon=True).start()
            while data := talk.read_some():
                beyond.sendall(data)

    with listening(script) as port:
        yield f"http://127.0.0.1:{port}", asked


def greeting(talk):
    talk.accept()
    talk.send(1, b"hello")
    talk.end(OK)


def test_exec_goes_through_the_proxy_that_other_calls_use(kubelet, proxy, monkeypatch):
    url, asked = proxy
    monkeypatch.setenv("https_proxy", url)
    monkeypatch.setenv("no_proxy", "")
    assert run(kubelet(greeting)).stdout == "hello"
    assert len(asked) == 1
    monkeypatch.setenv("no_proxy", "127.0.0.0/8")
    assert run(kubelet(greeting)).stdout == "hello"
    assert len(asked) == 1


def test_what_hangs_is_ended_when_nobody_waits_for_it_any_more(kubelet):
    """A process whose threads wait for an exec stays for as long as that takes."""

    def hang(talk):
        talk.accept()
        time.sleep(5)

    one = kubelet(hang)
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        future = pool.submit(run, one, timeout=60)
        time.sleep(0.3)
        one.cut_execs()
        with pytest.raises(ExecError):
            future.result()
    assert time.monotonic() - begun < 3


def test_a_proxy_is_asked_for_an_ipv6_server_in_brackets(monkeypatch):
    """Python 3.11 sends the host as it is given: `CONNECT 2001:db8::1:6443` names no port."""
    heads = []

    def script(talk):
        heads.append(talk.request[0])
        talk.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with listening(script) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        configuration = client.Configuration(host="https://[2001:db8::1]:6443")
        with pytest.raises(ExecError):
            podexec.run(
                client.ApiClient(configuration), channels.tls_context(configuration), [],
                podexec.Target("ns", "p", "c", ("true",)), None, 5, set(),
            )  # fmt: skip
    assert [each.split()[1] for each in heads] == ["[2001:db8::1]:6443"]


PORT = (8080).to_bytes(2, "little")


def forward(one, timeout=5.0):
    return one.forward("x", "probe", 8080, b"GET / HTTP/1.1\r\n\r\n", timeout=timeout)


def test_port_forward_brings_what_the_port_answers(kubelet):
    asked = []

    def script(talk):
        asked.extend(talk.request)
        talk.accept()
        asked.append(talk.receive())
        for channel, data in (
            (0, b"\x90\x1f"),
            (1, b"\x90\x1f"),
            (0, b"HTTP/1.1 200 OK\r\n\r\nna"),
            (0, b"me"),
        ):
            talk.send(channel, data)

    assert forward(kubelet(script)) == b"HTTP/1.1 200 OK\r\n\r\nname"
    assert "/pods/probe/portforward?ports=8080" in asked[0]
    assert asked[-1] == (0, b"GET / HTTP/1.1\r\n\r\n")


def test_a_port_that_nobody_can_be_forwarded_to_says_why(kubelet):
    def refused(talk):
        talk.accept()
        talk.receive()
        talk.send(1, PORT)
        talk.send(1, b"dial tcp [fd00::1]:8080: connect: connection refused")

    with pytest.raises(ExecError, match=r"port-forward to pod probe: dial tcp .* connection refused"):
        forward(kubelet(refused))
    with pytest.raises(ExecError, match="forbidden: create pods/portforward in namespace x"):
        forward(kubelet(lambda talk: talk.refuse(403, {"message": "no"})))
    with pytest.raises(ExecError, match=r"port-forward to pod probe: no answer within 0\.3 s"):
        forward(kubelet(lambda talk: (talk.accept(), time.sleep(1))), timeout=0.3)
