"""Uploads with every check, beside the same bytes taken by who checks nothing: last byte to answer, rate and memory.

Two baselines in the same run. nginx takes the file by PUT into a folder (a temporary file, then a rename; no fsync, no
digest): what receiving costs at least. And Holdfast without a token: the front spools the whole form, control refuses
it unread with 401: what an upload costs before the checks.
"""

import http.client
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import quantile
from holdfast.drill.giant import Giant, GiantWheel, Sent, basic, send, timed
from holdfast.drill.giant_packed import GiantDeflatedWheel, GiantSdist
from holdfast.drill.memory import Peak
from holdfast.drill.rig import Rig, free_port, wait_until

KB, MB, GB = 1000, 1000**2, 1000**3
_OVERHEAD = 900  # bytes of the wheel around its filler, about
SECONDS_MAX = 900.0


@dataclass(frozen=True, slots=True)
class Case:
    """So many files of that size from so many clients, each file another. `kind` is of KINDS."""

    size: int  # bytes
    clients: int
    uploads: int
    kind: str = "wheel"


# Stored members, or source text that unpacks to almost four times its size.
KINDS: dict[str, Callable[[str, str, int], Giant]] = {
    "wheel": GiantWheel,
    "deflated wheel": GiantDeflatedWheel,
    "sdist": GiantSdist,
}

# Sixteen files of a gigabyte lie in the folder of one server at a time; the rest is what a disk should have left.
FREE_BYTES_MIN = 40 * GB

CASES = [
    Case(KB, 1, 100),
    Case(KB, 16, 160),
    Case(MB, 1, 50),
    Case(MB, 16, 160),
    Case(100 * MB, 1, 5),
    Case(100 * MB, 16, 16),
    Case(GB, 1, 3),
    Case(GB, 16, 16),
    Case(100 * MB, 16, 16, "deflated wheel"),
    Case(100 * MB, 16, 16, "sdist"),
    Case(GB, 1, 2, "sdist"),
]


def run() -> list[str]:
    """The table as Markdown rows."""
    rows = [
        (
            "| size | clients, uploads | nginx PUT MB/s | p50, p99 ms | unchecked MB/s | p50, p99 ms "
            "| Holdfast MB/s | /s | p50, p99 ms | front, control MiB |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        rows.append(_row(case))
        print(rows[-1], flush=True)
    rows += ["", "Milliseconds from a body's last byte to its answer; p99 of fewer than 100 uploads is the longest."]
    return rows


def _row(case: Case) -> str:
    files = [
        KINDS[case.kind](f"bench{number % 10}", f"1.{number}", max(case.size - _OVERHEAD, 1))
        for number in range(case.uploads)
    ]
    free = shutil.disk_usage(tempfile.gettempdir()).free
    assert case.size * case.uploads < 5 * GB or free > FREE_BYTES_MIN, f"only {free / GB:.0f} GB of disk are free"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda made: made.prepare(), files))
    with _nginx() as port:
        peer = _measured(case, files, lambda made: _put(port, made), 201)
    with Rig() as rig:
        rig.wait_for_control()
        token, nobody = basic(rig.token()), basic("nobody")
        assert send(rig.port, GiantWheel("warm", "1.0", 100_000), token).status == 200
        unchecked = _measured(case, files, lambda made: send(rig.port, made, nobody), 401)
        with Peak(rig, "front") as front, Peak(rig, "control") as control:
            checked = _measured(case, files, lambda made: send(rig.port, made, token), 200)
    size = next(
        f"{case.size // unit} {name}" for unit, name in ((GB, "GB"), (MB, "MB"), (KB, "kB")) if case.size >= unit
    )
    kind = "" if case.kind == "wheel" else f", {case.kind}"
    return (
        f"| {size}{kind} | {case.clients}, {case.uploads} | {peer.cells()} | {unchecked.cells()} "
        f"| {checked.rate:,.1f} | "
        f"{checked.uploads / checked.seconds:.1f} | {checked.waits()} | "
        f"{front.before:.0f} + {front.growth:.0f}, {control.before:.0f} + {control.growth:.0f} |"
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """What one server did with one case."""

    uploads: int
    bytes_sent: int
    seconds: float
    answers: list[float]  # seconds from the last byte to the answer

    @property
    def rate(self) -> float:
        """MB per second, all clients together."""
        return self.bytes_sent / MB / self.seconds

    def waits(self) -> str:
        times = [seconds * 1000 for seconds in self.answers]
        return f"{statistics.median(times):,.0f}, {quantile(times, 99):,.0f}"

    def cells(self) -> str:
        return f"{self.rate:,.1f} | {self.waits()}"


def _measured(case: Case, files: list[Giant], upload: Callable[[Giant], Sent], status: int) -> Measured:
    started = time.monotonic()
    with ThreadPoolExecutor(case.clients) as pool:
        sent = list(pool.map(upload, files))
    seconds = time.monotonic() - started
    wrong = [(one.status, one.body[:300]) for one in sent if one.status != status]
    assert not wrong, wrong[:3]
    return Measured(len(files), sum(made.size for made in files), seconds, [one.answer_seconds for one in sent])


def _put(port: int, made: Giant) -> Sent:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    try:
        connection.putrequest("PUT", f"/{made.filename}")
        connection.putheader("Content-Length", str(made.size))
        connection.endheaders()
        return timed(connection, b"", made, b"")
    finally:
        connection.close()


@contextmanager
def _nginx() -> Iterator[int]:
    """nginx that takes files by PUT; its port. Two workers, as this machine has cores and Holdfast has processes."""
    folder, port = Path(tempfile.mkdtemp(prefix="bench-nginx-")), free_port()
    (folder / "root").mkdir()
    config = folder / "nginx.conf"
    config.write_text(
        f"""user root;
worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 0; client_body_temp_path {folder}/body; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}/root; location / {{ dav_methods PUT; }} }}
}}
"""
    )
    process = subprocess.Popen(["nginx", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: (folder / "pid").exists(), 10, "nginx")
        yield port
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
