"""Ten clients join one cold gigabyte: one upstream request, first byte at once, flat memory; damaged, none gets it."""

import hashlib
import http.client
import threading
import time

from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.faults import Fault
from holdfast.drill.memory import Peak
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
    crowd = [threading.Thread(target=_one, args=(w.rig, path, results, firsts)) for _ in range(CLIENTS)]
    with Peak(w.rig, "front") as peak:
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
    say(f"{what}: first byte after {max(firsts):.2f} s, front memory {peak.before:.0f} -> {peak.highest:.0f} MiB")
    assert max(firsts) < 1.0, firsts
    assert peak.growth <= MEMORY_MIB_MAX, f"the front grew by {peak.growth:.0f} MiB"
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
