"""The peers: nginx serving the same bytes and headers from files, and Varnish holding them in memory."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.measure import SERVER_CPU


@dataclass(frozen=True, slots=True)
class Capture:
    """What Holdfast answered for one path: the peers are given exactly this."""

    path: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source: Path | None = None  # a large file that need not be held here


@dataclass(frozen=True, slots=True)
class Server:
    """A running server to be measured."""

    name: str
    url: str
    pid: int


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


class Nginx:
    """nginx, one worker, static files, `tcp_nopush off` (on, it stalls ranges), access log on as ours is."""

    def __init__(self, captures: list[Capture]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
        self.port = free_port()
        root = self._folder / "root"
        locations = []
        for number, capture in enumerate(captures):
            name = f"{number}.bin"
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if capture.source is not None:
                os.link(capture.source, target) if _same_device(capture.source, root) else shutil.copy(
                    capture.source, target
                )
            else:
                target.write_bytes(capture.body)
            own = {"content-type", "content-length", "date", "server", "connection", "etag", "accept-ranges"}
            headers = "".join(f"add_header {k} '{v}' always;\n" for k, v in capture.headers if k.lower() not in own)
            kind = next((v for k, v in capture.headers if k.lower() == "content-type"), "application/octet-stream")
            if capture.status == 404:
                locations.append(f"location = {capture.path} {{ return 404; }}")
            else:
                locations.append(
                    f"location = {capture.path} {{ types {{ }} default_type '{kind}'; {headers}"
                    f" root {root}; try_files /{name} =404; }}"
                )
        config = self._folder / "nginx.conf"
        config.write_text(
            f"""user root;
worker_processes 1; worker_cpu_affinity 1; daemon off; pid {self._folder}/pid; error_log {self._folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {self._folder}/access.log combined buffer=256k flush=1s;
  sendfile on; tcp_nopush off; tcp_nodelay on; keepalive_requests 1000000;
  open_file_cache max=1000; etag on;
  client_body_temp_path {self._folder}/b; proxy_temp_path {self._folder}/p; fastcgi_temp_path {self._folder}/f;
  uwsgi_temp_path {self._folder}/u; scgi_temp_path {self._folder}/s;
  server {{ listen 127.0.0.1:{self.port}; {" ".join(locations)} }}
}}
"""
        )
        self._process = subprocess.Popen(["taskset", "-c", SERVER_CPU, "nginx", "-c", str(config)])

    def __enter__(self) -> Server:
        _wait(self.port)
        return Server("nginx", f"http://127.0.0.1:{self.port}", self._process.pid)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


class Varnish:
    """Varnish in front of an origin, everything cacheable held in memory and hit."""

    def __init__(self, origin: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bench-varnish-"))
        os.chmod(self._folder, 0o755)
        self.port = free_port()
        host, _, port = origin.removeprefix("http://").partition(":")
        vcl = self._folder / "bench.vcl"
        vcl.write_text(
            f"""vcl 4.1;
backend origin {{ .host = "{host}"; .port = "{port}"; }}
sub vcl_backend_response {{ set beresp.ttl = 1h; set beresp.uncacheable = false; unset beresp.http.set-cookie;
  set beresp.do_gzip = false; return (deliver); }}
"""
        )
        command = ["taskset", "-c", SERVER_CPU, "varnishd", "-F", "-n", str(self._folder / "work"), "-f", str(vcl)]
        self._process = subprocess.Popen(
            [*command, *f"-a 127.0.0.1:{self.port} -s malloc,256m -p http_gzip_support=off".split()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Server:
        _wait(self.port)
        return Server("varnish", f"http://127.0.0.1:{self.port}", self._process.pid)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


def _same_device(source: Path, folder: Path) -> bool:
    return source.stat().st_dev == folder.stat().st_dev
