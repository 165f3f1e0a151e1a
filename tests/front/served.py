"""A front as it runs for real: its own process, Granian, a port on loopback."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from processes import is_alive, wait_for
from read.site import Site

from holdfast.front.serve import free_port

PROGRAM = """
import json, sys
from pathlib import Path
from holdfast.config import Config, IndexConfig, UpstreamConfig
from holdfast.front.serve import run
told = json.loads(sys.argv[1])
told["data"] = Path(told["data"])
for index in told["indexes"]:
    index |= {"layers": tuple(index["layers"]), "reserved": tuple(index["reserved"])}
told["indexes"] = tuple(IndexConfig(**index) for index in told["indexes"])
told["upstreams"] = tuple(UpstreamConfig(**u) for u in told["upstreams"])
told["trusted_proxies"] = tuple(told["trusted_proxies"])
if __name__ == "__main__":
    run(Config(**told))
"""


class Served:
    """A running front over a site's tree."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.port = free_port("127.0.0.1")
        settings = asdict(site.config) | {"data": str(site.config.data), "listen_port": self.port}
        self.stderr = folder / "front.stderr"
        program = folder / "front.py"
        program.write_text(PROGRAM)
        with self.stderr.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(program), json.dumps(settings)], stdout=log, stderr=log, env=dict(os.environ)
            )

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split() if is_alive(int(pid))]

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body). Raises http.client.IncompleteRead or OSError when the connection breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.ask("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})

    def is_answering(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False


@contextmanager
def served(folder: Path, **settings: object) -> Iterator[Served]:
    """A front over an empty tree, ended afterwards."""
    front = Served(Site(folder, **settings), folder)
    try:
        wait_for(lambda: front.process.poll() is not None or front.is_answering(), "a front that answers")
        assert front.process.poll() is None, front.stderr.read_text()
        yield front
    finally:
        front.process.terminate()
        try:
            front.process.wait(20)
        except subprocess.TimeoutExpired:
            front.process.kill()
            front.process.wait()


def raw(port: int, sent: bytes) -> bytes:
    """Everything a server says to these bytes until it closes, or falls silent for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(sent)
        got = b""
        try:
            while part := connection.recv(65536):
                got += part
        except (TimeoutError, ConnectionResetError):
            pass
        return got
