"""A small HTTP forward proxy on loopback: CONNECT and absolute addresses, to hosts that exist for it alone.

It keeps the head of every request it was sent, so that a test can say who came through and with what.
"""

import re
import socket
import socketserver
import threading
from collections.abc import Mapping
from typing import Any

HEAD_BYTES_MAX = 64 * 1024


class ForwardProxy:
    """Use it with `with`. `hosts` maps `name:port` to the loopback port where that host really listens."""

    def __init__(self, hosts: Mapping[str, int], credentials: str = "") -> None:
        """With `credentials`, the Proxy-Authorization header that every request must carry."""
        self.hosts = dict(hosts)
        self.credentials = credentials
        self.heads: list[str] = []

    def __enter__(self) -> "ForwardProxy":
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._handle(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"

    def targets(self) -> set[str]:
        """The `name:port` of every host that was asked for."""
        return {_target(head)[0] for head in self.heads}

    def _handle(self, client: socket.socket) -> None:
        head, rest = _read_head(client)
        if not head:
            return
        self.heads.append(head)
        sent = re.search(r"^proxy-authorization: *(.*?)\r?$", head, re.IGNORECASE | re.MULTILINE)
        if self.credentials and (sent is None or sent[1] != self.credentials):
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        target, passed_on = _target(head)
        if target not in self.hosts:
            client.sendall(b"HTTP/1.1 502 No Such Host\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.hosts[target])) as there:
            if passed_on:
                there.sendall(passed_on.encode("latin-1") + rest)
            else:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pipe, args=(there, client), daemon=True)
            back.start()
            _pipe(client, there)
            back.join()


def _target(head: str) -> tuple[str, str]:
    """The host asked for, and the request as that host gets it: '' for a tunnel."""
    line, _, headers = head.partition("\r\n")
    method, address, _version = line.split(" ", 2)
    if method == "CONNECT":
        return address, ""
    found = re.fullmatch(r"http://([^/]+)(/.*)", address)
    assert found is not None, line
    netloc = found[1] if ":" in found[1] else f"{found[1]}:80"
    kept = [h for h in headers.split("\r\n") if h and not h.lower().startswith(("proxy-", "connection:"))]
    return netloc, "\r\n".join([f"{method} {found[2]} HTTP/1.1", *kept, "Connection: close", "", ""])


def _read_head(client: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < HEAD_BYTES_MAX:
        chunk = client.recv(65536)
        if not chunk:
            return "", b""
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1") + "\r\n", rest


def _pipe(source: Any, sink: Any) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    except OSError:
        pass
    finally:
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
