"""What a person waits for: pip and uv resolving and installing a chain of fifty packages."""

import statistics
import tempfile
import time
from pathlib import Path

from holdfast.drill.clients import pip_install, uv_install, uv_path
from holdfast.drill.corpus import Upstream, chain
from holdfast.drill.rig import Rig

LENGTH = 50


def run(repetitions: int = 3) -> list[str]:
    """Seconds through Holdfast (hosted and warm pulled) and directly from the upstream, same wheels."""
    wheels = chain("far", LENGTH, filler_bytes=200_000)
    hosted = chain("near", LENGTH, filler_bytes=200_000)
    rows = ["| client | hosted | pulled, warm | straight from the upstream |", "|---|---|---|---|"]
    with Upstream(wheels) as upstream, Rig(f"{upstream.url}/simple/") as rig:
        for made in hosted:
            assert rig.upload(made).status == 200
        scratch = Path(tempfile.mkdtemp(prefix="bench-installs-", dir=rig.folder))
        for client in [pip_install, *([uv_install] if uv_path() else [])]:
            cells = []
            for index, name in ((rig.url, "near-0"), (rig.url, "far-0"), (upstream.url, "far-0")):
                _timed(client, f"{index}/simple/", name, scratch)
                times = [_timed(client, f"{index}/simple/", name, scratch) for _ in range(repetitions)]
                cells.append(f"{statistics.median(times):.2f} s")
            rows.append(f"| {client.__name__} | {' | '.join(cells)} |")
    return rows


def _timed(client, index: str, name: str, scratch: Path) -> float:  # type: ignore[no-untyped-def]
    started = time.monotonic()
    done = client(index, name, scratch)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.monotonic() - started
