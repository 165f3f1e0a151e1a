"""Ten clients join a cold 3 GB wheel at 50 MB/s; its source dies at 2 GB, and a mirror with the same digest goes on."""

import http.client
import tempfile
import threading
import time
import zlib
from pathlib import Path

from holdfast.drill.made import BLOCK_BYTES, MadeFile, MadeIndex
from holdfast.drill.memory import Peak
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say

SLOW = True
BLOCKS = 3 * 1024
DIES_AT = 2 * 1024 * BLOCK_BYTES
RATE = 50_000_000
CLIENTS = 10
MEMORY_MIB_MAX = 150
FIRST_BYTE_SECONDS_MAX = 1.0
PATIENCE_SECONDS = 120  # the longest a client goes without a byte


def run(say: Say) -> None:
    made = MadeFile(BLOCKS)
    crc = made.sums[1]
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-drill-") as folder,
        MadeIndex(made, RATE, dies_at=DIES_AT) as source,
        MadeIndex(made, RATE) as mirror,
    ):
        settings = Path(folder) / "holdfast.toml"
        settings.write_text(f'[upstream.upstream]\nmirrors = ["{mirror.url}"]\n')
        with Rig(source.url, {"HOLDFAST_CONFIG": str(settings)}) as rig:
            assert rig.get(f"/simple/{made.project}/").status == 200
            results: list[tuple[int, int, float]] = []
            crowd = [threading.Thread(target=_download, args=(rig, made.path, results)) for _ in range(CLIENTS)]
            started = time.monotonic()
            with Peak(rig, "front") as front, Peak(rig, "pull") as pull:
                for client in crowd:
                    client.start()
                for client in crowd:
                    client.join()
            seconds = time.monotonic() - started
            first = max(first for _, _, first in results)
            say(f"{CLIENTS} x {made.size / 1e9:.2f} GB in {seconds:.0f} s, first byte after {first:.2f} s at most")
            for name, peak in (("front", front), ("pull", pull)):
                say(f"{name} memory {peak.before:.0f} -> {peak.highest:.0f} MiB")
            say(f"asked of the source: {source.ranges}, of the mirror: {mirror.ranges}")
            assert [(made.size, crc)] * CLIENTS == [result[:2] for result in results], results
            assert first < FIRST_BYTE_SECONDS_MAX, results
            assert source.ranges == [""], source.ranges
            assert len(mirror.ranges) == 1 and mirror.ranges[0].startswith("bytes="), mirror.ranges
            assert source.is_dead and int(mirror.ranges[0][6:-1]) <= DIES_AT, mirror.ranges
            assert front.growth <= MEMORY_MIB_MAX, f"the front grew by {front.growth:.0f} MiB"
            assert pull.growth <= MEMORY_MIB_MAX, f"pull grew by {pull.growth:.0f} MiB"
            answer = rig.get(made.path, headers={"Range": f"bytes={made.size - 10}-"})
            assert answer.status == 206 and len(answer.body) == 10, (answer.status, answer.body[:300])
            wait_until(lambda: _is_kept(rig, made), 30, "the whole file in the store")


def _is_kept(rig: Rig, made: MadeFile) -> bool:
    kept = (rig.data / "store" / "pulled").rglob("*")
    return any(path.is_file() and path.stat().st_size == made.size for path in kept)


def _download(rig: Rig, path: str, results: list[tuple[int, int, float]]) -> None:
    """Bytes received, their CRC-32 and the seconds to the first of them; a broken transfer has fewer bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=PATIENCE_SECONDS)
    started, first, received, crc = time.monotonic(), float("inf"), 0, 0
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        while chunk := answer.read1(1 << 18):
            first = min(first, time.monotonic() - started)
            received += len(chunk)
            crc = zlib.crc32(chunk, crc)
    except (OSError, http.client.HTTPException):
        pass  # told by the number of bytes
    finally:
        connection.close()
        results.append((received, crc, first))
