"""Start and memory of a front by number of projects, and the hot path beside cold and stalled work."""

import shutil
import socket
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from bench.measure import memory_mib, wrk
from bench.peers import Server
from bench.reads import GZIP, front
from bench.synthetic import fill, fill_catalogue, fill_cold_pages


def start_and_memory(projects: int) -> str:
    """Seconds from process start to a ready answer, memory with the tree loaded and one page asked, then browsed."""
    data = Path(tempfile.mkdtemp(prefix="bench-")) / "data"
    try:
        fill(data, projects, big_bytes=1 << 20)
        classifier = fill_catalogue(data, projects)
        started = time.monotonic()
        with front(data, pinned=False) as ours:
            ready = time.monotonic() - started
            urllib.request.urlopen(ours.url + "/simple/small/").read()
            before = memory_mib(ours.pid)
            urllib.request.urlopen(ours.url + "/simple/").read()
            after = memory_mib(ours.pid)
            asked = time.monotonic()
            urllib.request.urlopen(f"{ours.url}/browse/?c={quote(classifier)}").read()
            browsed = time.monotonic() - asked
            last = memory_mib(ours.pid)
        memory = " | ".join(f"{rss:.0f} / {pss:.0f}" for rss, pss in (before, after, last))
        return f"| {projects:,} | {ready:.2f} | {memory} | {browsed:.2f} |"
    finally:
        shutil.rmtree(data.parent, ignore_errors=True)


def hot_beside_cold(seconds: int = 12) -> list[str]:
    """p99 of the small page: alone, beside ten cold 10,000-file pages per second, and beside 8 stalled downloads."""
    data = Path(tempfile.mkdtemp(prefix="bench-")) / "data"
    try:
        paths = fill(data, 1000)
        cold = fill_cold_pages(data, 10 * (seconds + 2))
        with front(data) as ours:
            rows = [_row("alone", ours, paths.small, seconds)]
            statuses: list[int] = []
            stop = threading.Event()
            arrivals = threading.Thread(target=_arrive, args=(ours.url, cold, stop, statuses), daemon=True)
            arrivals.start()
            rows.append(_row("ten cold 10,000-file pages a second", ours, paths.small, seconds))
            stop.set()
            arrivals.join(30)
            counts = {status: statuses.count(status) for status in sorted(set(statuses))}
            rows.append(f"\nCold answers: {counts}\n")
            stalled = [_stall(ours.url, paths.big) for _ in range(8)]
            rows.insert(2, _row("8 stalled downloads", ours, paths.small, seconds))
            for connection in stalled:
                connection.close()
        return rows
    finally:
        shutil.rmtree(data.parent, ignore_errors=True)


def _row(what: str, ours: Server, path: str, seconds: int) -> str:
    sample = wrk(ours.url + path, ours.pid, headers=GZIP, seconds=seconds, connections=8)
    return f"| {what} | {sample.rate:,.0f} | {sample.p99_ms:.2f} | {sample.errors} |"


def _arrive(url: str, paths: list[str], stop: threading.Event, statuses: list[int]) -> None:
    """Ten requests a second, each for a page nobody asked before, each on its own thread."""

    def one(path: str) -> None:
        try:
            request = urllib.request.Request(url + path, headers=GZIP)
            statuses.append(urllib.request.urlopen(request, timeout=30).status)
        except urllib.error.HTTPError as error:
            statuses.append(error.code)
        except OSError:
            statuses.append(0)

    crowd = []
    for path in paths:
        if stop.wait(0.1):
            break
        crowd.append(threading.Thread(target=one, args=(path,), daemon=True))
        crowd[-1].start()
    for thread in crowd:
        thread.join(30)


def _stall(url: str, path: str) -> socket.socket:
    """Ask for a large file and read nothing of it."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    return connection
