"""`make fuzz ARGS="archive --seconds 60"`: long runs by hand. Without a target every one gets its share of the time.

What was found stays in .fuzz/TARGET/ as `finding-*`, the corpus beside it; the next run goes on from there. However a
run died, `last-input` there is what it was at; a run that ended with a status keeps it as `died-*`.
"""

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("src", "tests")]

from tests.clients.toolbox import ToolMissing, tool  # noqa: E402 - the path above is what finds it

NAMES = ("archive", "metadata", "filename", "form", "attestations", "stream")
INPUT_SECONDS_MAX = 10  # of one input, told by the engine even when it never ends
MEMORY_MIB_MAX = 600  # of the whole process; the engine and the corpus take about 100 of them


def guided(target: str, folder: Path, *options: str) -> tuple[int, str]:
    """One coverage-guided run: its status (0: nothing found) and the end of what it said. Raises ToolMissing."""
    engine = next(tool("atheris").parent.glob("lib/python*/site-packages"))
    paths = [str(engine), *(str(ROOT / part) for part in ("src", ".", "tests"))]
    bounds = [f"-timeout={INPUT_SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MIB_MAX}", "-max_len=65536", "-verbosity=0"]
    # A process's peak begins with what its parent held, says the kernel, and the engine goes by that peak: a shell
    # between the two keeps the tests' own memory out of it.
    engine_alone = ["sh", "-c", '"$@"; exit $?', "sh"]
    done = subprocess.run(
        [*engine_alone, sys.executable, "-m", "tests.fuzz.guided", target, str(folder), *bounds, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr)[-6000:]


def keep_last(folder: Path) -> Path:
    """Put what the run was at out of the next one's way; equal bytes have an equal name."""
    data = (folder / "last-input").read_bytes()
    kept = folder / f"died-{hashlib.sha256(data).hexdigest()[:16]}"
    kept.write_bytes(data)
    return kept


def main() -> int:
    """Run, and say for each target how much was tried and what was found."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("targets", nargs="*", choices=[[], *NAMES], default=[])
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    asked = parser.parse_args()
    found = 0
    for target in asked.targets or NAMES:
        folder = ROOT / ".fuzz" / target
        try:
            status, said = guided(target, folder, f"-max_total_time={asked.seconds}")
        except ToolMissing as missing:
            print(missing)
            return 2
        print(f"{target}: {(folder / 'tally').read_text().strip()}", flush=True)
        if status:
            found += 1
            print(said)
            print(f"at {keep_last(folder)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
