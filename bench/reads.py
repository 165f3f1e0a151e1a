"""Reads: one front on one core against nginx and Varnish on the same core, same bytes, same headers, same minute."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import SERVER_CPU, Sample, median, memory_mib, wrk
from bench.peers import Capture, Nginx, Server, Varnish, free_port
from bench.synthetic import PUBLIC_URL, Paths, fill

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
PAGE = {"Accept": PIP}
GZIP = {"Accept": PIP, "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing asked over and over, and the ratio to hold."""

    name: str
    path: str
    headers: dict[str, str]
    goal: str
    connections: int = 32
    seconds: int = 4
    varnish: bool = False
    cpu: bool = False  # compare CPU per request, not rate: one client core cannot saturate nginx here


def cases(paths: Paths) -> list[Case]:
    """The table of the issue, in order."""
    return [
        Case("small page, gzip", paths.small, GZIP, ">= 0.40 nginx, >= 0.75 varnish", varnish=True),
        Case("2,000-file page, gzip", paths.large, GZIP, ">= 0.5 varnish", varnish=True),
        Case("project list", paths.listing, PAGE, "-"),
        Case("404", paths.missing, PAGE, "-"),
        Case(".metadata", paths.metadata, {}, ">= 0.35 nginx"),
        Case("small wheel", paths.wheel, {}, ">= 0.35 nginx"),
        Case("100 MB file", paths.big, {}, "<= 4x nginx's CPU", connections=4, cpu=True),
        Case("part of a small wheel", paths.wheel, {"Range": "bytes=-100"}, "<= 6x nginx's CPU", cpu=True),
        Case("64 KiB range", paths.big, {"Range": "bytes=1048576-1114111"}, "<= 6x nginx's CPU", cpu=True),
    ]


@contextmanager
def front(data: Path, pinned: bool = True, **settings: str) -> Iterator[Server]:
    """`holdfast front` alone on a prepared data folder."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    environment |= {
        "HOLDFAST_DATA": str(data),
        "HOLDFAST_LISTEN": f"127.0.0.1:{port}",
        "HOLDFAST_UPSTREAM": "none",
        "HOLDFAST_PUBLIC_URL": PUBLIC_URL,
        **settings,
    }
    command = [sys.executable, "-m", "holdfast.cli.main", "front"]
    log = (data / "bench-front.log").open("ab")
    process = subprocess.Popen(
        (["taskset", "-c", SERVER_CPU] if pinned else []) + command, env=environment, stdout=log, stderr=log
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_ready(url, process, data)
        yield Server("holdfast", url, process.pid)
    finally:
        process.terminate()
        process.wait(15)


def _wait_ready(url: str, process: subprocess.Popen[bytes], data: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError((data / "bench-front.log").read_text()[-3000:])
        try:
            if urllib.request.urlopen(url + "/readyz", timeout=1).status == 200:
                return
        except OSError:
            time.sleep(0.005)
    raise TimeoutError((data / "bench-front.log").read_text()[-3000:])


def capture(server: Server, case: Case, paths: Paths) -> Capture:
    """One answer as the peers must give it."""
    headers = {k: v for k, v in case.headers.items() if k != "Range"}
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + case.path, headers=headers)) as answer:
            big = case.path == paths.big
            body = b"" if big else answer.read()
            return Capture(
                case.path, answer.status, tuple(answer.headers.items()), body, paths.big_file if big else None
            )
    except urllib.error.HTTPError as error:
        return Capture(case.path, error.code, tuple(error.headers.items()), error.read())


def measure(case: Case, server: Server, repetitions: int = 3) -> Sample:
    """The median of some runs."""
    samples = [
        wrk(
            server.url + case.path,
            server.pid,
            headers=case.headers,
            seconds=case.seconds,
            connections=case.connections,
        )
        for _ in range(repetitions)
    ]
    return median(samples)


def run(repetitions: int = 3, only: str = "") -> list[str]:
    """The table of reads, as Markdown rows."""
    data = Path(tempfile.mkdtemp(prefix="bench-")) / "data"
    rows = [
        (
            "| case | holdfast /s | us/req | p99 ms | nginx /s | us/req | varnish /s | of nginx | CPU x nginx"
            " | of varnish | goal |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    try:
        paths = fill(data, 1000)
        with front(data) as ours:
            wanted = [c for c in cases(paths) if only in c.name]
            captures = [capture(ours, c, paths) for c in wanted]
            assert [c.status for c in captures] == [404 if c.name == "404" else 200 for c in wanted], captures
            unique = {c.path: c for c in captures}
            with Nginx(list(unique.values())) as nginx, Varnish(ours.url) as varnish:
                for case in wanted:
                    rows.append(_row(case, ours, nginx, varnish, repetitions))
                    print(rows[-1], flush=True)
        rss, pss = 0.0, 0.0
        with front(data) as ours:
            rss, pss = memory_mib(ours.pid)
        rows.append(f"\nIdle front, 1,000 projects: RSS {rss:.0f} MiB over its processes, PSS {pss:.0f} MiB.")
    finally:
        shutil.rmtree(data.parent, ignore_errors=True)
    return rows


def _row(case: Case, ours: Server, nginx: Server, varnish: Server, repetitions: int) -> str:
    a, b = measure(case, ours, repetitions), measure(case, nginx, repetitions)
    v = measure(case, varnish, repetitions) if case.varnish else None
    for sample in (a, b, v):
        if sample is not None:  # wrk counts an error status as an error
            assert sample.requests and sample.errors == (sample.requests if case.name == "404" else 0), (case, sample)
    return (
        f"| {case.name} | {a.rate:,.0f} | {a.cpu_us:.1f} | {a.p99_ms:.2f} | {b.rate:,.0f} | {b.cpu_us:.1f} | "
        f"{f'{v.rate:,.0f}' if v else '-'} | {a.rate / b.rate:.2f} | {a.cpu_us / b.cpu_us:.1f} | "
        f"{f'{a.rate / v.rate:.2f}' if v else '-'} | {case.goal} |"
    )
