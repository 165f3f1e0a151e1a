"""Load and accounting: wrk for requests, /proc for what the server paid, medians over repetitions."""

import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVER_CPU = "0"
CLIENT_CPU = "1"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """One repetition of one case against one server."""

    requests: int
    seconds: float
    cpu_seconds: float
    p99_ms: float
    errors: int
    bytes_read: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """Server CPU per request, microseconds."""
        return self.cpu_seconds * 1e6 / self.requests if self.requests else 0.0


def family(pid: int) -> list[int]:
    """The process and every descendant alive now."""
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                queue += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process family so far."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(pid: int) -> tuple[float, float]:
    """RSS and PSS of a process family, MiB."""
    rss = pss = 0
    for one in family(pid):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        rss += int(re.search(r"Rss:\s+(\d+)", text)[1])  # type: ignore[index]
        pss += int(re.search(r"Pss:\s+(\d+)", text)[1])  # type: ignore[index]
    return rss / 1024, pss / 1024


PATIENCE = ("--timeout", "10s")  # wrk's own 2 s call a gigabyte a second among four clients an error, of either server


def wrk(url: str, server_pid: int, *, headers: Mapping[str, str], seconds: int = 4, connections: int = 32) -> Sample:
    """One wrk run from the client's core; the server's CPU is read around it."""
    script = "wrk.method = 'GET'\n" + "".join(f"wrk.headers[{k!r}] = {v!r}\n" for k, v in headers.items())
    script += (
        "done = function(s, l, r)\n"
        "  io.write(string.format('@@ %d %d %d %f %d\\n', s.requests, s.duration, s.bytes, l:percentile(99),"
        " s.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout))\nend\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script)
        lua.flush()
        before = cpu_seconds(server_pid)
        pinned = ["taskset", "-c", CLIENT_CPU]
        done = subprocess.run(
            [*pinned, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *PATIENCE, "-s", lua.name, url],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=True,
        )
        spent = cpu_seconds(server_pid) - before
    found = re.search(r"@@ (\d+) (\d+) (\d+) ([\d.]+) (\d+)", done.stdout)
    assert found, done.stdout + done.stderr
    return Sample(
        requests=int(found[1]),
        seconds=int(found[2]) / 1e6,
        cpu_seconds=spent,
        p99_ms=float(found[4]) / 1000,
        errors=int(found[5]),
        bytes_read=float(found[3]),
    )


def median(samples: list[Sample]) -> Sample:
    """The sample whose rate is the median one."""
    return sorted(samples, key=lambda s: s.rate)[len(samples) // 2]


def quantile(values: list[float], q: int) -> float:
    """The q-th percentile; the maximum when there are too few values to tell."""
    return statistics.quantiles(values, n=100)[q - 1] if len(values) >= 100 else max(values)
