"""An upstream as companies have them: Basic auth and a private authority, reached through a proxy, files elsewhere.

Its hosts exist for the proxy alone. Both keep every request's head, so that a test can say what reached them.
"""

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from certificates import make_authority
from forward_proxy import ForwardProxy

from holdfast.drill.corpus import Upstream, Wheel

INDEX, FILES = "index.example", "files.example"
USER, PASSWORD = "ci-robot", "Correct/Horse+42"
PROXY_USER, PROXY_PASSWORD = "through-me", "Battery:Staple"
SIGNATURE = "signature=aGVs%2Fbo%2Bw%3D%3D"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# Whatever of these is found anywhere was told to somebody who need not know.
SECRETS = tuple(
    secret
    for user, password in ((USER, PASSWORD), (PROXY_USER, PROXY_PASSWORD))
    for secret in (user, password, basic(user, password).split()[1])
)


@dataclass
class Guarded:
    """The running upstream."""

    authority: str
    proxy: ForwardProxy
    index_heads: list[str]
    file_heads: list[str]

    @property
    def settings(self) -> str:
        """The `[upstream.corporate]` table; the password is to be in CORPORATE_PASSWORD."""
        proxy = f"http://{PROXY_USER}:{PROXY_PASSWORD.replace(':', '%3A')}@{self.proxy.netloc}"
        return (
            f'[upstream.corporate]\nurl = "https://{INDEX}/simple/"\nusername = "{USER}"\n'
            f'password_env = "CORPORATE_PASSWORD"\nca_bundle = "{self.authority}"\nproxy = "{proxy}"\n'
        )


@contextmanager
def guarded(folder: Path, wheels: list[Wheel]) -> Iterator[Guarded]:
    """Start index, file host and proxy."""
    authority, issued = make_authority(folder, INDEX, FILES)
    plain = Upstream(wheels)
    index_heads: list[str] = []
    file_heads: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(plain)

        class Index(_Handler):
            heads = index_heads

            def do_GET(self) -> None:
                self.note()
                if self.headers.get("Authorization") != basic(USER, PASSWORD):
                    self.answer(401, b"who are you?\n", {"WWW-Authenticate": 'Basic realm="corporate"'})
                elif self.path.startswith("/files/"):
                    self.answer(302, b"", {"Location": f"https://{FILES}{self.path}?{SIGNATURE}"})
                elif (found := plain.answer(self.path)) is not None:
                    self.answer(200, found[1], {"Content-Type": found[0]})
                else:
                    self.answer(404, b"no such thing\n", {})

        class FileHost(_Handler):
            heads = file_heads

            def do_GET(self) -> None:
                self.note()
                path, _, query = self.path.partition("?")
                found = plain.answer(path) if query == SIGNATURE else None
                if found is None:
                    self.answer(403, b"the signature is wrong\n", {})
                else:
                    self.answer(200, found[1], {"Content-Type": found[0]})

        ports = {
            f"{name}:443": stack.enter_context(_serving(handler, *issued[name]))
            for name, handler in ((INDEX, Index), (FILES, FileHost))
        }
        proxy = stack.enter_context(ForwardProxy(ports, credentials=basic(PROXY_USER, PROXY_PASSWORD)))
        yield Guarded(authority, proxy, index_heads, file_heads)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    heads: list[str]

    def note(self) -> None:
        self.heads.append(f"{self.requestline}\n{self.headers}")

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The heads are kept instead."""


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler], cert: str, key: str) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
