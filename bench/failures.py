"""The failure table for other indexes: devpi, proxpi and pypiserver on the same rig, beside Holdfast.

Each runs as its documentation says, in an environment of its own from a hashed lock (requirements/peers/), with pages
that grow old after a second where it has such a setting. pypiserver has no cache of an upstream: it sends clients
there.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from bench.peers import free_port
from holdfast.drill.corpus import Upstream, wheel
from holdfast.drill.failure_stage import FRESHNESS_SECONDS, Cell, Stage, Subject, prepare
from holdfast.drill.failures import ROWS, play_all
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.rig import Rig, fetch, wait_until
from holdfast.drill.steps import publish

ROOT = Path(__file__).resolve().parents[1]


def run() -> list[str]:
    """The table as Markdown: a row a failure, a column an index; bold is where installs would not have gone on."""
    starts: dict[str, Callable[[str, Path], AbstractContextManager[Subject]]] = {
        "Holdfast": holdfast,
        "devpi": devpi,
        "proxpi": proxpi,
    }
    starts["pypiserver"] = pypiserver
    columns: dict[str, dict[str, Cell]] = {}
    titles = []
    for name, start in starts.items():
        with (
            Upstream([wheel("kept", "1.0")]) as upstream,
            FaultProxy(upstream.url) as proxy,
            _folder() as folder,
            _prepared(upstream),
            start(f"{proxy.url}/simple/", folder) as subject,
        ):
            columns[name] = play_all(Stage(subject, upstream, proxy), partial(print, f"{name}:"))
            titles.append(subject.name)
    lines = [f"| failure | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for row in ROWS:
        cells = [columns[name][row] for name in starts]
        lines.append(f"| {row} | {' | '.join(c.text if c.good else f'**{c.text}**' for c in cells)} |")
    good = [sum(cell.good for cell in columns[name].values()) for name in starts]
    lines.append(f"| rows that hold | {' | '.join(f'{count} of {len(ROWS)}' for count in good)} |")
    return lines


@contextmanager
def _prepared(upstream: Upstream) -> Iterator[None]:
    prepare(upstream)
    yield


@contextmanager
def holdfast(upstream: str, _folder: Path) -> Iterator[Subject]:
    """Holdfast as `serve` runs it."""
    with Rig(upstream, {"HOLDFAST_UPSTREAM_FRESHNESS_SECONDS": f"{FRESHNESS_SECONDS:g}s"}) as rig:
        publish(rig, "hosted", "1.0")
        yield Subject("Holdfast", f"{rig.url}/simple/", f"{rig.url}/simple/hosted/")


@contextmanager
def devpi(upstream: str, folder: Path) -> Iterator[Subject]:
    """devpi with one mirror index, and a stage of its own that has it as a base and holds a project."""
    programs, port = _programs("devpi"), free_port()
    url = f"http://127.0.0.1:{port}"
    subprocess.run(
        [programs / "devpi-init", "--no-root-pypi", "--serverdir", folder], check=True, capture_output=True, timeout=120
    )
    command = [programs / "devpi-server", "--serverdir", folder, "--host", "127.0.0.1", "--port", str(port)]
    with _running([*command, "--mirror-cache-expiry", f"{FRESHNESS_SECONDS:g}"], url, folder):
        token = _json("POST", f"{url}/+login", {"user": "root", "password": ""})["result"]["password"]
        auth = {"X-Devpi-Auth": base64.b64encode(f"root:{token}".encode()).decode()}
        expiry = int(FRESHNESS_SECONDS)
        mirror = {"type": "mirror", "mirror_url": upstream, "mirror_cache_expiry": expiry, "volatile": False}
        _json("PUT", f"{url}/root/up", mirror, auth)
        _json("PUT", f"{url}/root/own", {"type": "stage", "bases": ["root/up"]}, auth)
        made = wheel("hosted", "1.0")
        _upload(f"{url}/root/own/", made.filename, made.content, "hosted", auth)
        yield Subject(
            f"devpi {_version('devpi', 'devpi-server')}", f"{url}/root/up/+simple/", f"{url}/root/own/+simple/hosted/"
        )


@contextmanager
def proxpi(upstream: str, folder: Path) -> Iterator[Subject]:
    """proxpi under gunicorn with threads, as its own container image runs it."""
    programs, port = _programs("proxpi"), free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PROXPI_INDEX_URL": upstream,
        "PROXPI_INDEX_TTL": f"{FRESHNESS_SECONDS:g}",
        "PROXPI_CACHE_DIR": str(folder / "cache"),
        "PROXPI_DOWNLOAD_TIMEOUT": "60",  # else it sends clients to the upstream after 0.9 s
    }
    command = [programs / "gunicorn", "--threads", "16", "--bind", f"127.0.0.1:{port}", "proxpi.server:app"]
    with _running(command, f"{url}/health", folder, environment):
        yield Subject(f"proxpi {_version('proxpi', 'proxpi')}", f"{url}/index/", f"{url}/index/kept/")


@contextmanager
def pypiserver(upstream: str, folder: Path) -> Iterator[Subject]:
    """pypiserver over a folder with one wheel, sending clients to the upstream for the rest."""
    programs, port = _programs("pypiserver"), free_port()
    url = f"http://127.0.0.1:{port}"
    made = wheel("hosted", "1.0")
    packages = folder / "packages"
    packages.mkdir()
    (packages / made.filename).write_bytes(made.content)
    command = [
        programs / "pypi-server",
        "run",
        "-p",
        str(port),
        "-i",
        "127.0.0.1",
        "--fallback-url",
        upstream,
        packages,
    ]
    with _running(command, f"{url}/simple/", folder):
        yield Subject(f"pypiserver {_version('pypiserver', 'pypiserver')}", f"{url}/simple/", f"{url}/simple/hosted/")


@contextmanager
def _running(
    command: list[str | Path], ready: str, folder: Path, environment: dict[str, str] | None = None
) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=log, stderr=log)
    try:
        wait_until(lambda: fetch(ready, timeout=2).status in (200, 403, 404), 60, f"{command[0]} at {ready}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-peer-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(peer: str) -> Path:
    """The peer's programs, set up once under .tools/ from its hashed lock."""
    home, lock = ROOT / ".tools" / f"peer-{peer}", ROOT / "requirements" / "peers" / f"{peer}.lock"
    stamp, wanted = home / ".lock-sha256", hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "-qq", "--no-input", "--require-hashes", "--no-deps"]
        subprocess.run([*pip, "-r", lock], check=True)
        stamp.write_text(wanted)
    return home / "bin"


def _version(peer: str, distribution: str) -> str:
    code = f"import importlib.metadata as m; print(m.version('{distribution}'))"
    python = _programs(peer) / "python"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _json(
    method: str, url: str, body: dict[str, object], headers: dict[str, str] | None = None
) -> dict[str, dict[str, str]]:
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode())
    for name, value in {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, dict[str, str]] = json.loads(answer.read())
        return found


def _upload(url: str, filename: str, content: bytes, project: str, headers: dict[str, str]) -> None:
    boundary = f"bench{time.monotonic_ns()}"
    fields = {":action": "file_upload", "name": project, "version": "1.0", "metadata_version": "2.1"}
    fields |= {"filetype": "bdist_wheel", "pyversion": "py3"}
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
    )
    parts += f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n'
    body = f"{parts}Content-Type: application/octet-stream\r\n\r\n".encode() + content
    answer = fetch(
        url,
        data=body + f"\r\n--{boundary}--\r\n".encode(),
        headers={**headers, "Content-Type": f"multipart/form-data; boundary={boundary}"},
        timeout=30,
    )
    assert answer.status == 200, (answer.status, answer.body[:300])
