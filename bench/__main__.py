"""`make bench`: run everything, print it, and write bench/RESULTS.md with the machine and the date."""

import argparse
import os
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import failures, installs, pulled, reads, resolving, scale, timing, uploads, writes


def _reads() -> list[str]:
    return reads.run()


def _scale() -> list[str]:
    head = [
        "| projects | ready, s | RSS / PSS, MiB | after the list was asked | after browsing | first browse, s |",
        "|---|---|---|---|---|---|",
    ]
    return head + [scale.start_and_memory(count) for count in (1_000, 100_000)]


def _hot() -> list[str]:
    return ["| small page | /s | p99 ms | errors |", "|---|---|---|---|", *scale.hot_beside_cold()]


def _writes() -> list[str]:
    return [
        "| what | | | |",
        "|---|---|---|---|",
        writes.sustained(),
        writes.visible(),
        writes.last_byte_to_answer(),
        writes.one_more_file(),
    ]


SECTIONS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "reads": ("Reads, one core each, against nginx and Varnish", _reads),
    "scale": ("Start and memory of a front", _scale),
    "hot": ("The hot path beside other work", _hot),
    "writes": ("Writes (fsync on)", _writes),
    "uploads": ("Uploads, checked, beside the same bytes unchecked", uploads.run),
    "pulled": ("Pages of upstreams beside hosted ones", pulled.run),
    "timing": ("Can tokens and people be told apart by time?", timing.run),
    "installs": ("A chain of fifty packages", installs.run),
    "resolving": ("uv resolves a chain of fifty: upstream 50 ms and 10 MB/s away, no metadata", resolving.run),
    "failures": ("While the upstream fails: other indexes on the same rig", failures.run),
}


def machine() -> str:
    """One line about where this ran."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr.strip()
    return f"{model}, {os.cpu_count()} CPUs, {platform.release()}, Python {platform.python_version()}, {nginx}"


def main() -> None:
    """Run the named sections (default: all) and write the results down when all ran."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], default=[])
    wanted = parser.parse_args().sections or list(SECTIONS)
    lines = ["# Results", "", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {machine()}", ""]
    lines += ["Ratios within one run count; absolute figures are this machine's at that minute.", ""]
    for name in wanted:
        title, run = SECTIONS[name]
        print(f"## {title}", flush=True)
        rows = run()
        print("\n".join(rows), flush=True)
        lines += [f"## {title}", "", *rows, ""]
    if len(wanted) == len(SECTIONS):
        (Path(__file__).parent / "RESULTS.md").write_text("\n".join(lines))


main()
