"""Ten clients join one cold gigabyte: one upstream request, first byte at once, flat memory; damaged, none gets it."""

import hashlib
import http.client
import re
import threading
import time
from pathlib import Path

from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.faults import Fault
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import Say
from holdfast.drill.steps import World, world

SLOW = True
FILLER_BYTES = 1 << 30
CLIENTS = 10
MEMORY_MIB_MAX = 150


def run(say: Say) -> None:
    made = wheel("gigantic", "1.0", filler_bytes=FILLER_BYTES)
    with world([made]) as w:
        assert w.rig.get("/simple/gigantic/").status == 200
        w.proxy.set(Fault(paths="*.whl", flip_bit_at=-1))
        digests = _download(w, made, say, "last byte flipped")
        assert not any(whole for _, whole in digests), "somebody got damaged bytes as a complete file"
        kept = [p for p in (w.rig.data / "store/pulled").rglob("*") if p.is_file() and p.stat().st_size > 1 << 20]
        left = [p for p in (w.rig.data / "partial").rglob("*") if p.is_file()]
        assert not kept and not left, (kept, left)
        w.proxy.set(Fault())
        w.upstream.requests.clear()
        digests = _download(w, made, say, "whole")
        assert digests == [(made.sha256, True)] * CLIENTS, digests
        asked = w.upstream.requests[f"/files/{made.filename}"]
        assert asked == 1, f"{asked} upstream requests for one file"


def _download(w: World, made: Wheel, say: Say, what: str) -> list[tuple[str, bool]]:
    """Digest and completeness of what each of ten clients received."""
    results: list[tuple[str, bool]] = []
    firsts: list[float] = []
    path = f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"
    idle = _memory_mib(w.rig, "front")
    peak = [idle]
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(w.rig, peak, done), daemon=True)
    watcher.start()
    crowd = [threading.Thread(target=_one, args=(w.rig, path, results, firsts)) for _ in range(CLIENTS)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    done.set()
    watcher.join()
    say(f"{what}: first byte after {max(firsts):.2f} s at most, front memory {idle:.0f} -> {peak[0]:.0f} MiB")
    assert max(firsts) < 1.0, firsts
    assert peak[0] - idle <= MEMORY_MIB_MAX, f"the front grew by {peak[0] - idle:.0f} MiB"
    return results


def _one(rig: Rig, path: str, results: list[tuple[str, bool]], firsts: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=120)
    started = time.monotonic()
    digest, received = hashlib.sha256(), 0
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        length = int(answer.headers["Content-Length"])
        while chunk := answer.read(1 << 18):
            if not received:
                firsts.append(time.monotonic() - started)
            received += len(chunk)
            digest.update(chunk)
        results.append((digest.hexdigest(), received == length and answer.status == 200))
    except (OSError, http.client.HTTPException):
        results.append((digest.hexdigest(), False))
    finally:
        connection.close()


def _watch(rig: Rig, peak: list[float], done: threading.Event) -> None:
    while not done.wait(0.1):
        peak[0] = max(peak[0], _memory_mib(rig, "front"))


def _memory_mib(rig: Rig, role: str) -> float:
    """Resident memory of a role's processes, MiB."""
    pids = [rig.pids()[role]]
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            pids += [int(child) for child in task.read_text().split()]
    total = 0
    for pid in pids:
        try:
            found = re.search(r"Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total / 1024
